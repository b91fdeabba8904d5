"""The smallest function that does something."""


def handler(event: object, _context: object) -> object:
    return event
