/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A program in PID and mount name spaces of its own (Linux, as root): when it ends, however it
 * ends, the kernel ends all that it started and lets go all that it mounted.
 *
 * For the child between fork and exec, so nothing here uses the heap. The caller goes on as process
 * 1 of the new name space. Outside stays a process that waits for it and ends as it did; SIGTERM,
 * SIGINT or SIGHUP make it kill the inner one first, and if it dies itself the inner one is killed
 * too. It keeps the descriptors that were open: a lock in one of them is held until all is over.
 */

/* 0 inside; an errno if it cannot be done. `report` is closed outside. */
int io_enclose(int report);
