"""What the teacher and the student read."""
