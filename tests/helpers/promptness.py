"""Whether an answer comes in time, on a machine that other work may hold up."""

TRIES = 4
PROMPT_SECONDS = 1.0  # what the project promises of Ctrl-C


def some_try_is_prompt(seconds_of_try):
    """Whether a try is prompt: other work delays one try or two, a fault of ours delays each.

    Parameters
    ----------
    seconds_of_try : callable
        Makes one try and returns how long the answer took, in seconds.
    """
    return any(seconds_of_try() < PROMPT_SECONDS for _ in range(TRIES))
