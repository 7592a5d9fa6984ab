"""What a submission may see, use and do.

Which process does what, and what crosses which boundary:

- The *grading process* (`grading.workers.worker`, one a job slot) reads the notebook, starts
  kernels, and writes the result. It never runs a student's code.
- A *kernel* (`inside/kernel_side.py`) runs the student's code in bubblewrap, as nobody, without a
  network or capabilities, behind a filter of system calls. It sees what `view` lists, read only,
  and the folder of its own run.
- The *prefork server* (`inside/prefork_server.py`) has imported Keras in a sandbox of its own and
  forks kernels into fresh namespaces, one submission at a time. It reads nothing of a student's.
- The *judge* (`grading.execution.judge_process`) runs the hidden tests, outside the sandbox.

The grading process listens on sockets in the run's folder, which the kernel can only connect to.
Jupyter's messages cross there, bounded in size before they are parsed; values cross as JSON
(`inside/plain_values.py`), never as pickles. The judge gets that text and asks the grading process
for calls of the student's functions. To the prefork server go names of runs; settings lie in
`settings.json`.

`monitor` ends a submission whose processes together take too much; memory is counted by a control
group (`memory_group`), or from /proc where there is none (`memory_use`).
Options: `--unsafe` goes on without bubblewrap where it does not work, `--cold` does without the
prefork server.
"""
