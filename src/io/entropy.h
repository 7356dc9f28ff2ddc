/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

/* Random bytes of the system, at most 256; ends the program when there are none. For keys of lookup
 * tables and nonces: no output may ever depend on them. */
SS_NONNULL void io_entropy(uint8_t *p, size_t n);
