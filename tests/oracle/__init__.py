"""The differential oracle: small random programs, run by TensorFlow and judged by lintloss.

A program knows what its loss is meant to be: the cross entropy, softmax or sigmoid, of its own pre-activation with the
right labels. TensorFlow runs it and says what it is; the two agree or they do not, and lintloss has to say the same, or
say honestly that it cannot know. See `judge.contradiction`.

    python -m oracle --programs 2000 --first 0        (from the folder tests/)
"""
