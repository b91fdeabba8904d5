"""One of each resource type that the engine carries over."""

import infrastructure  # type: ignore[import-not-found]  # beside this file, which is on the path when it runs
import pulumi

exports = infrastructure.build(pulumi.Config().require("greeting"))
for name, value in exports.items():
    pulumi.export(name, value)
