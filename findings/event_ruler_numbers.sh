#!/usr/bin/env bash
# Event Ruler 1.8.1 (Maven, software.amazon.event.ruler), the open matcher of Amazon EventBridge.
#
# EventBridge's user guide and the documentation of CDK's EventPattern say that numbers of a pattern are compared as texts,
# so that 300, 300.0 and 3.0e2 are different ones. Event Ruler compares their values: the pattern [300] matches each of the
# three, and {"anything-but": [300]} none of them. Other matchers that keep to the documentation let events through, or
# hold them back, that this one does not. The text "300" is no number for it, either way.
#
# Seen: what the end of this script has. Wants java and mvn. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>example</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.event.ruler</groupId>
      <artifactId>event-ruler</artifactId>
      <version>1.8.1</version>
    </dependency>
  </dependencies>
</project>
XML
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:2.8:build-classpath -Dmdep.outputFile=classpath >maven.log
cat >Look.java <<'JAVA'
import software.amazon.event.ruler.Ruler;

public class Look {
  public static void main(String[] arguments) throws Exception {
    for (String pattern : new String[] {"[300]", "[{\"anything-but\": [300]}]"}) {
      for (String value : new String[] {"300", "300.0", "3.0e2", "\"300\"", "301"}) {
        boolean matches = Ruler.matchesRule("{\"n\": " + value + "}", "{\"n\": " + pattern + "}");
        System.out.println(pattern + " " + value + " " + matches);
      }
    }
  }
}
JAVA
java -cp "$(cat classpath)" Look.java 2>java.log | tee seen
diff seen - <<'SEEN'
[300] 300 true
[300] 300.0 true
[300] 3.0e2 true
[300] "300" false
[300] 301 false
[{"anything-but": [300]}] 300 false
[{"anything-but": [300]}] 300.0 false
[{"anything-but": [300]}] 3.0e2 false
[{"anything-but": [300]}] "300" true
[{"anything-but": [300]}] 301 true
SEEN
