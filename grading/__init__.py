"""The grader: runs a class's submissions, each by itself, and judges them separately."""
