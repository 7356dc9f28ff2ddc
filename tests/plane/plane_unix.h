/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `base` is kept, not copied. */
void plane_unix_init(const char *base);
