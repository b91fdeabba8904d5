"""The setting SPENDING of a stack without caps and without prices."""

SETTINGS = (
    '{"prices": {"machines": {}, "disk": 0, "address": 0}, "caps": {"job": 0, "owner_a_day": 0, "stack_a_day": 0},'
    ' "instance_types": ["t4g.small"], "markets": ["on-demand"], "machine_deadline_seconds": 60, "max_attempts": 1}'
)
