/* SPDX-License-Identifier: Apache-2.0 */
#include "io/entropy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

void io_entropy(uint8_t *p, size_t n)
{
	if (getentropy(p, n) != 0) {
		perror("selfsame: no random bytes from the system");
		abort();
	}
}
