/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/source.h"

#include "base/mem.h"
#include "base/show.h"
#include "io/file.h"
#include "oci/engine.h"
#include "oci/guard.h"
#include "oci/image_find.h"
#include "oci/layer_apply.h"
#include "oci/layers.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "oci/rootfs.h"
#include "oci/unpack.h"

#include <string.h>
#include <sys/stat.h>

/* One call of oci_load(). */
struct load {
	const struct oci_request *req;
	struct oci_reference ref;
	const char *arch; /* "amd64", "arm64" */
	struct oci_apply apply;
	struct oci_store *store;
	struct oci_layers layers;
	struct oci_image image;
};

static void load_done(struct load *l)
{
	oci_reference_done(&l->ref);
	oci_layers_done(&l->layers);
	oci_store_free(l->store);
	oci_image_done(&l->image);
	tree_free(l->apply.tree);
}

static int open_store(struct load *l, struct ss_err *err)
{
	const uint64_t limit = l->apply.limits.total;
	struct ss_progress *p = l->req->progress;
	const char *path = l->ref.path;
	int fd;

	switch (l->ref.transport) {
	case OCI_LAYOUT:
	case OCI_DIR:
		return oci_store_open_dir(path, &l->store, err);
	case OCI_ARCHIVE:
	case OCI_DOCKER_ARCHIVE:
		return oci_store_open_archive(path, limit, p, &l->store, err);
	case OCI_DOCKER_DAEMON:
	case OCI_CONTAINERS_STORAGE:
		if (oci_engine_export(&l->ref, p, &fd, err) < 0)
			return -1;
		return oci_store_open_fd(fd, limit, p, &l->store, err);
	case OCI_ROOTFS:
	case OCI_ROOTFS_TAR:
	case OCI_REGISTRY:
		break;
	}
	abort(); /* load_source() sends no others here */
}

static int load_image(struct load *l, struct ss_err *err)
{
	struct oci_resolve r = { .ref = &l->ref, .arch = l->arch };
	int rc;

	if (open_store(l, err) < 0)
		return -1;
	r.store = l->store;
	if (l->ref.transport == OCI_DIR)
		rc = oci_resolve_dir(&r, &l->layers, &l->image, err);
	else if (l->ref.transport == OCI_LAYOUT || l->ref.transport == OCI_ARCHIVE)
		rc = oci_resolve_layout(&r, &l->layers, &l->image, err);
	else
		rc = oci_resolve_docker(&r, &l->layers, &l->image, err);
	if (rc < 0)
		return -1;
	l->apply.whiteouts = true;
	return oci_layers_merge(&l->apply, &l->layers, l->req->progress, &l->image.guards, err);
}

/* One layer that nobody has promised anything about. */
static int load_tar(struct load *l, struct ss_err *err)
{
	struct stat st = { 0 };
	struct oci_layer *layer;
	int fd;

	if (io_open_file(l->ref.path, &fd, NULL, err) < 0)
		return -1;
	l->layers.v = ss_calloc(1, sizeof(*l->layers.v));
	layer = &l->layers.v[l->layers.n++];
	layer->part = (struct oci_part){ .fd = fd, .owned = true };
	if (fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot read");
	layer->part.n = (uint64_t)st.st_size;
	return oci_layers_merge(&l->apply, &l->layers, l->req->progress, &l->image.guards, err);
}

static int load_source(struct load *l, struct ss_err *err)
{
	switch (l->ref.transport) {
	case OCI_ROOTFS:
		ss_progress_phase(l->req->progress, "reading the folder", 0);
		return oci_rootfs_load(l->ref.path, &l->apply.limits, l->apply.tree, err);
	case OCI_ROOTFS_TAR:
		return load_tar(l, err);
	case OCI_REGISTRY:
		(void)ss_fail(err, SS_EUSAGE, "this release does not read registries itself");
		err->hint = "skopeo copy docker://REF oci:DIR, then give oci:DIR";
		return -1;
	case OCI_LAYOUT:
	case OCI_ARCHIVE:
	case OCI_DOCKER_ARCHIVE:
	case OCI_DIR:
	case OCI_DOCKER_DAEMON:
	case OCI_CONTAINERS_STORAGE:
		break;
	}
	return load_image(l, err);
}

static struct oci_limits with_defaults(struct oci_limits l)
{
	if (l.total == 0)
		l.total = OCI_TOTAL_DEFAULT;
	if (l.ratio == 0)
		l.ratio = OCI_RATIO_DEFAULT;
	if (l.entries == 0)
		l.entries = TREE_MAX_NAMES;
	return l;
}

int oci_load(const struct oci_request *req, struct tree **ret_tree, struct oci_image *ret_image,
	     struct ss_err *err)
{
	SS_CLEANUP(load_done) struct load l = { .req = req, .apply = OCI_APPLY_INIT };
	const struct ss_span shown = { (const uint8_t *)req->source, strlen(req->source) };

	l.arch = oci_platform_arch(req->arch);
	if (l.arch == NULL)
		return ss_fail(err, SS_EUSAGE, "architecture '%s': x86_64 or aarch64", req->arch);
	if (oci_reference_read(req->source, &l.ref, err) < 0)
		return -1;
	l.apply.limits = with_defaults(req->limits);
	l.apply.tree = tree_new();
	if (req->refuse_links)
		tree_refuse_links(l.apply.tree);
	if (load_source(&l, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(shown));
	*ret_tree = TAKE_PTR(l.apply.tree);
	*ret_image = l.image;
	l.image = (struct oci_image){ 0 };
	return 0;
}

int oci_image_check(const struct oci_image *i, struct ss_err *err)
{
	return oci_guards_check(&i->guards, err);
}
