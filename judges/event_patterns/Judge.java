import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import software.amazon.event.ruler.Ruler;

/** Judge PATTERNS EVENTS: whether each event matches one of its rule's patterns, as it is to. */
public class Judge {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper json = new ObjectMapper();
    JsonNode patterns = json.readTree(new File(arguments[0]));
    JsonNode events = json.readTree(new File(arguments[1]));
    int failed = 0;
    for (JsonNode one : events) {
      String rule = one.get("rule").asText();
      boolean matches = false;
      for (JsonNode pattern : patterns.get(rule)) {
        matches |= Ruler.matchesRule(one.get("event").toString(), pattern.toString());
      }
      boolean isFine = matches == one.get("matches").asBoolean();
      failed += isFine ? 0 : 1;
      String seen = matches ? "matches" : "does not match";
      System.out.println((isFine ? "ok    " : "FAIL  ") + rule + ": " + one.get("name").asText() + " " + seen);
    }
    System.out.println((events.size() - failed) + " passed, " + failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }
}
