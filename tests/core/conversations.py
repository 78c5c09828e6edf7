"""A conversation, and the two questions of the toy problem, for tests of conversations."""

EASY = "What is the capital of Norland?"
HARD = "Prove that the ring of integers of Norland is a Dedekind domain."


def chat(*turns):
    return [
        message
        for turn in turns
        for message in ({"role": "user", "content": turn}, {"role": "assistant", "content": "Here you are."})
    ][:-1]
