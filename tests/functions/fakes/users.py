"""Users in memory."""

from __future__ import annotations

from functions.submission.users import User


class MemoryUsers:
    """functions.submission.users.Users by id and e-mail address; notes who was asked for."""

    def __init__(self, **emails: str) -> None:
        self._users = [User(user_id, email) for user_id, email in emails.items()]
        self.asked: list[str] = []

    def find(self, name: str) -> User | None:
        self.asked.append(name)
        return next((user for user in self._users if name in {user.id, user.email}), None)
