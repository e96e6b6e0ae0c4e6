"""What ends the demo early."""


class DemoFailed(Exception):
    """Something is not as it must be; the message says what, and what to do."""
