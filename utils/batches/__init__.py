"""From streams to batches: windows and their targets.

A *stream* is one array in time order, of shape (samples,) or (samples, streams) for several
parallel streams, such as the three axes of an accelerometer. A convolutional or recurrent net
wants (batch, timesteps, streams). The functions here re-format one into the other without
copying: a window is a *view*, so ten thousand overlapping windows cost no more memory than the
stream itself, and a stream may well be an `np.memmap` that is larger than the memory.

    train, validation, test = splits.split_in_time(stream)    # split first, ...
    x_train, y_train = windows_and_targets(train, 60)         # ... then cut windows
    batches = window_dataset(train, 60, batch_size=128)       # or cut them batch by batch

Lecture items L3.13 to L3.19 and L4.15.
"""

from utils.batches.dataset import window_dataset
from utils.batches.windowing import windows, windows_and_targets

__all__ = ["window_dataset", "windows", "windows_and_targets"]
