/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "runtime/console.h"
#include "runtime/plane_link.h"

/*
 * Everything that is said inside goes through here: to the console as it comes, and, where the
 * measured config has logs, line by line to dataplane, which hands it to the host. The console is
 * waited for, the host never is. There is one console, so this keeps its state to itself.
 */
enum rt_stream { RT_STREAM_OUT, RT_STREAM_ERR, RT_STREAMS };

/* A line of the runtime's own; it begins on a fresh line of the console. */
SS_NONNULL SS_PRINTF(2, 3) void rt_output_say(enum rt_phase phase, const char *fmt, ...);
/* From now on lines go to this one too, beginning with those of ours that were said before. */
SS_NONNULL void rt_output_link(struct rt_plane *p);
/* Bytes of the application; and the end of a stream, after which another may begin. */
void rt_output_put(enum rt_stream stream, struct ss_span s);
void rt_output_end(enum rt_stream stream);
/* What comes next on the console begins a line. */
void rt_output_fresh_line(void);
