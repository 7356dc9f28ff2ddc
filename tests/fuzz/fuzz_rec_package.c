/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_package.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Any URL: a package has a name and a version, both printable and terminated; and what begins to
 * differ in a version is a part of it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_plain(const char *s, size_t max)
{
	const size_t n = strnlen(s, max);

	if (n == 0 || n == max)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = calloc(size + 1, 1); /* exact, so that a byte too far is seen */
	struct rec_package p;
	const char *tail;

	if (url == NULL)
		abort();
	if (size > 0)
		memcpy(url, data, size);
	if (rec_package_of(url, &p)) {
		must_be_plain(p.name, sizeof(p.name));
		must_be_plain(p.version, sizeof(p.version));
		if (strlen(p.name) + strlen(p.version) > size)
			abort();
		tail = rec_version_tail(p.version, p.name);
		if (tail < p.name || tail > p.name + strlen(p.name))
			abort();
		if (strcmp(rec_version_tail("", p.version), p.version) != 0)
			abort();
	}
	free(url);
	return 0;
}
