/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/platform.h"

#include "base/show.h"

#include <stdio.h>
#include <string.h>

const char *oci_platform_arch(const char *arch)
{
	if (strcmp(arch, "x86_64") == 0)
		return "amd64";
	return strcmp(arch, "aarch64") == 0 ? "arm64" : NULL;
}

int oci_platform_rank(const char *want_arch, const char *os, const char *arch, const char *variant)
{
	const char *base = strcmp(want_arch, "arm64") == 0 ? "v8" : "v1";

	if (os == NULL || strcmp(os, "linux") != 0 || arch == NULL || strcmp(arch, want_arch) != 0)
		return 0;
	if (variant == NULL || variant[0] == '\0')
		return 2;
	return strcmp(variant, base) == 0 ? 1 : 0;
}

static const char *shown(const char *s, struct ss_shown *room)
{
	if (s == NULL || s[0] == '\0')
		return "unknown";
	return ss_show((struct ss_span){ (const uint8_t *)s, strlen(s) }, room);
}

void oci_platform_text(const char *os, const char *arch, const char *variant, char *ret, size_t n)
{
	struct ss_shown a, b, c;
	const bool more = variant != NULL && variant[0] != '\0';

	(void)snprintf(ret, n, "%s/%s%s%s", shown(os, &a), shown(arch, &b), more ? "/" : "",
		       more ? shown(variant, &c) : "");
}
