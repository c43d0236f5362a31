"""MiniStack with the driver's resource types, recording what it would send to a hook instead of invoking one.

    python ministack_recording.py        (address as for ministack_with_hooks.py, RECORD names the file)
"""

import json
import os

import ministack_with_hooks as driver
from ministack import app


def record(_action, resource_type, logical_id, stack_name, properties, _previous):
    handed = driver.without_system_tags(properties)
    line = {"stack": stack_name, "type": resource_type, "logicalId": logical_id, "properties": handed}
    with open(os.environ["RECORD"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    driver.run_hooks = record
    driver.install()
    app.main()
