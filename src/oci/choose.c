/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/choose.h"

#include "base/show.h"
#include "base/text.h"
#include "oci/platform.h"

#include <stdio.h>
#include <string.h>

static bool is_image(const struct oci_desc *d)
{
	return !d->attestation && (d->media == OCI_MEDIA_INDEX || d->media == OCI_MEDIA_MANIFEST);
}

static bool has_tag(const struct oci_desc *d, const char *tag)
{
	return tag == NULL || (d->ref_name != NULL && strcmp(d->ref_name, tag) == 0);
}

/* 3 and 2: a fitting platform, 1: none is stated, 0: not this one. */
static int rank(const struct oci_desc *d, const char *arch)
{
	const int r = oci_platform_rank(arch, d->os, d->arch, d->variant);

	if (d->os == NULL && d->arch == NULL)
		return 1;
	return r > 0 ? r + 1 : 0;
}

/* Appends ", TEXT" while there is room; a list that is cut ends in "...". */
static void list_add(char *list, size_t room, const char *text)
{
	const size_t n = strlen(list);
	const size_t more = strlen(text) + 2;

	if (n >= 3 && strcmp(list + n - 3, "...") == 0)
		return;
	if (n + more + 5 < room)
		(void)snprintf(list + n, room - n, "%s%s", n > 0 ? ", " : "", text);
	else
		(void)snprintf(list + n, room - n, "...");
}

static void list_tags(const struct oci_index *index, char *ret, size_t room)
{
	ret[0] = '\0';
	for (size_t i = 0; i < index->n; i++)
		if (is_image(&index->v[i]) && index->v[i].ref_name != NULL)
			list_add(ret, room, SS_SHOW(ss_text(index->v[i].ref_name)));
	if (ret[0] == '\0')
		(void)snprintf(ret, room, "none");
}

static void list_platforms(const struct oci_index *index, const char *tag, char *ret, size_t room)
{
	ret[0] = '\0';
	for (size_t i = 0; i < index->n; i++) {
		const struct oci_desc *d = &index->v[i];
		char text[128];

		if (!is_image(d) || !has_tag(d, tag))
			continue;
		oci_platform_text(d->os, d->arch, d->variant, text, sizeof(text));
		list_add(ret, room, text);
	}
}

static int refuse(const struct oci_index *index, const char *tag, const char *arch, size_t tagged,
		  size_t best, struct ss_err *err)
{
	char list[256];

	if (tag != NULL && tagged == 0) {
		list_tags(index, list, sizeof(list));
		return ss_fail(err, SS_EINPUT, "no image has the tag '%s'; tags: %s",
			       SS_SHOW(ss_text(tag)), list);
	}
	if (tagged == 0)
		return ss_fail(err, SS_EINPUT, "there is no image in it");
	if (best == 0) {
		list_platforms(index, tag, list, sizeof(list));
		return ss_fail(err, SS_EINPUT, "no image for linux/%s; there are: %s", arch, list);
	}
	list_tags(index, list, sizeof(list));
	return ss_fail(err, SS_EINPUT, "%zu images for linux/%s; name one by its tag: %s", best,
		       arch, list);
}

int oci_choose(const struct oci_index *index, const char *tag, const char *arch,
	       const struct oci_desc **ret, struct ss_err *err)
{
	const struct oci_desc *found = NULL;
	size_t tagged = 0, best = 0;
	int best_rank = 1;

	for (size_t i = 0; i < index->n; i++) {
		const struct oci_desc *d = &index->v[i];
		int r;

		if (!is_image(d) || !has_tag(d, tag))
			continue;
		tagged++;
		r = rank(d, arch);
		if (r < best_rank)
			continue;
		if (r > best_rank) {
			best_rank = r;
			best = 0;
		}
		/* One image under two tags is one image. */
		if (best > 0 && oci_digest_equal(&found->digest, &d->digest))
			continue;
		best++;
		found = d;
	}
	if (best != 1)
		return refuse(index, tag, arch, tagged, best, err);
	*ret = found;
	return 0;
}
