/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * What was counted, in the text form that Prometheus reads (exposition format 0.0.4). The names
 * are an interface: docs/formats/metrics.md lists them.
 */
struct dp;

/* In a buffer of dp_metrics.c, until the next call; at most FRAME_MAX_BODY bytes. */
SS_NONNULL struct ss_span dp_metrics_text(const struct dp *d);
