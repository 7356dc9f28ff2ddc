/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/reference.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "oci/digest.h"
#include "oci/source.h"

#include <string.h>

static const struct {
	const char *prefix;
	enum oci_transport transport;
} transports[] = {
	{ "oci:", OCI_LAYOUT },
	{ "oci-archive:", OCI_ARCHIVE },
	{ "docker-archive:", OCI_DOCKER_ARCHIVE },
	{ "dir:", OCI_DIR },
	{ "docker-daemon:", OCI_DOCKER_DAEMON },
	{ "containers-storage:", OCI_CONTAINERS_STORAGE },
	{ "rootfs:", OCI_ROOTFS },
	{ "rootfs-tar:", OCI_ROOTFS_TAR },
	{ "docker://", OCI_REGISTRY },
};

static const char *find_rest(const char *source, enum oci_transport *ret)
{
	for (size_t i = 0; i < SS_NELEMS(transports); i++) {
		const size_t n = strlen(transports[i].prefix);

		if (strncmp(source, transports[i].prefix, n) == 0) {
			*ret = transports[i].transport;
			return source + n;
		}
	}
	return NULL;
}

bool oci_is_source(const char *source)
{
	enum oci_transport t;

	return find_rest(source, &t) != NULL;
}

static char *copy(const char *p, size_t n)
{
	char *s = ss_calloc(n + 1, 1);

	memcpy(s, p, n);
	return s;
}

/* "PATH@sha256:…" or "PATH:NAME" or "PATH". */
static void split(const char *rest, bool digests, struct oci_reference *r)
{
	const char *at = strrchr(rest, '@');
	const char *colon = strchr(rest, ':');

	if (digests && at != NULL && oci_is_digest(at + 1)) {
		r->path = copy(rest, (size_t)(at - rest));
		r->digest = copy(at + 1, strlen(at + 1));
	} else if (colon != NULL) {
		r->path = copy(rest, (size_t)(colon - rest));
		r->name = copy(colon + 1, strlen(colon + 1));
	} else {
		r->path = copy(rest, strlen(rest));
	}
}

int oci_reference_read(const char *source, struct oci_reference *ret, struct ss_err *err)
{
	const struct ss_span shown = { (const uint8_t *)source, strlen(source) };
	SS_CLEANUP(oci_reference_done) struct oci_reference r = { 0 };
	const char *rest = find_rest(source, &r.transport);

	if (rest == NULL)
		return ss_fail(err, SS_EUSAGE, "'%s' is not an image source: no known transport",
			       SS_SHOW(shown));
	switch (r.transport) {
	case OCI_LAYOUT:
	case OCI_ARCHIVE:
		split(rest, true, &r);
		break;
	case OCI_DOCKER_ARCHIVE:
		split(rest, false, &r);
		break;
	case OCI_DIR:
	case OCI_DOCKER_DAEMON:
	case OCI_CONTAINERS_STORAGE:
	case OCI_ROOTFS:
	case OCI_ROOTFS_TAR:
	case OCI_REGISTRY:
		r.path = copy(rest, strlen(rest));
		break;
	}
	if (r.path[0] == '\0')
		return ss_fail(err, SS_EUSAGE, "'%s' names no image", SS_SHOW(shown));
	if (r.name != NULL && r.name[0] == '\0')
		return ss_fail(err, SS_EUSAGE, "'%s' has an empty name after the ':'",
			       SS_SHOW(shown));
	*ret = r;
	r = (struct oci_reference){ 0 };
	return 0;
}

void oci_reference_done(struct oci_reference *r)
{
	free(r->path);
	free(r->name);
	free(r->digest);
	*r = (struct oci_reference){ 0 };
}

static const char *skip(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0 ? s + strlen(prefix) : s;
}

/* Without what engines leave out, and without the tag. */
static struct ss_span repository(const char *name, const char **ret_tag)
{
	const char *slash, *colon;

	name = skip(skip(skip(name, "docker.io/"), "library/"), "localhost/");
	slash = strrchr(name, '/');
	colon = strchr(slash != NULL ? slash : name, ':');
	*ret_tag = colon != NULL ? colon + 1 : "latest";
	return (struct ss_span){ (const uint8_t *)name,
				 colon != NULL ? (size_t)(colon - name) : strlen(name) };
}

bool oci_is_same_name(const char *a, const char *b)
{
	const char *tag_a, *tag_b;
	const struct ss_span x = repository(a, &tag_a), y = repository(b, &tag_b);

	return ss_same(x, y) && strcmp(tag_a, tag_b) == 0;
}
