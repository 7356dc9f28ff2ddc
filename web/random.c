/* SPDX-License-Identifier: Apache-2.0 */
/* Where libcrypto has its randomness from in a browser: it blinds what it inverts, also where it only
 * verifies. It would do without getentropy() if nobody else asked for that; the page answers with
 * crypto.getRandomValues(). */
#include <stddef.h>

extern int getentropy(void *p, size_t n);

__attribute__((used)) static int (*const ask)(void *p, size_t n) = getentropy;
