"""For teachers who use nbgrader with these assignments: copy this file into your course folder."""

c = get_config()  # noqa: F821

# What students find in place of a solution. The cells around it already set the answer to None, so
# that the notebook runs as it stands; nbgrader's own text would raise an error.
c.ClearSolutions.code_stub = {"python": "# Your code here."}
c.ClearSolutions.text_stub = "*Not answered yet: write here.*"

# A cell may train a network.
c.ExecutePreprocessor.timeout = 300
