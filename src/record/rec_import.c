/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "fmt/json.h"
#include "io/file.h"
#include "oci/image_store.h"
#include "oci/manifest.h"
#include "record/rec_bundle.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define COPY_SIZE ((size_t)128 * 1024)
#define MANIFESTS_MAX 64u

static struct ss_span span_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static int copy_part(const struct oci_part *part, struct rec_put *put, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = ss_calloc(COPY_SIZE, 1);

	for (uint64_t at = 0; at < part->n;) {
		const uint64_t left = part->n - at;
		size_t n = left < COPY_SIZE ? (size_t)left : COPY_SIZE;

		if (io_pread_full(part->fd, part->at + at, p, n, &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_EINPUT, "ends early");
		if (rec_put_bytes(put, (struct ss_span){ p, n }, err) < 0)
			return -1;
		at += n;
	}
	return 0;
}

static int take_blob(struct rec_store *s, const struct oci_part *part,
		     const struct oci_digest *digest, struct ss_err *err)
{
	AUTO_REC_PUT struct rec_put put = REC_PUT_NONE;
	uint8_t hash[CRYPTO_SHA256_SIZE];

	if (rec_put_begin(s, REC_OBJECT_MAX, &put, err) < 0 || copy_part(part, &put, err) < 0)
		return -1;
	return rec_put_commit(&put, digest->v, hash, err);
}

/* One object: from the artifact into the store, unless it is there. */
static int take_object(struct rec_store *s, const struct oci_store *from, const json_t *desc,
		       struct rec_bundle_info *info, struct ss_err *err)
{
	SS_CLEANUP(oci_part_done) struct oci_part part = { .fd = -1 };
	struct oci_digest digest;
	char name[OCI_BLOB_PATH];
	const char *text = NULL;
	enum rec_found found;
	uint64_t size = 0, have = 0;

	if (js_str(desc, "digest", true, &text, err) < 0 ||
	    js_u64(desc, "size", true, &size, err) < 0 || oci_digest_read(text, &digest, err) < 0)
		return -1;
	if (digest.kind != CRYPTO_SHA256)
		return ss_fail(err, SS_EINPUT, "'%s' is no SHA-256", SS_SHOW(span_of(text)));
	oci_digest_path(&digest, name);
	if (oci_store_find(from, name, &part, err) < 0)
		return -1;
	if (part.n != size)
		return ss_fail(err, SS_EINPUT,
			       "'%s': %" PRIu64 " bytes, but %" PRIu64 " were expected", name,
			       part.n, size);
	if (rec_store_get(s, digest.v, &found, NULL, &have, err) < 0)
		return -1;
	if (found != REC_WHOLE && take_blob(s, &part, &digest, err) < 0)
		return ss_ctx(err, "'%s'", name);
	info->objects++;
	info->bytes += size;
	info->added += found != REC_WHOLE;
	return 0;
}

/* *ret_ours is false for an artifact of another kind, or an image. */
static int take_manifest(struct rec_store *s, const struct oci_store *from,
			 const struct oci_desc *d, bool *ret_ours, struct rec_bundle_info *info,
			 struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(OCI_MAX_JSON);
	AUTO_JSON json_t *j = NULL;
	const json_t *layers = NULL;
	const char *type = NULL;
	char name[OCI_BLOB_PATH];

	*ret_ours = false;
	oci_digest_path(&d->digest, name);
	if (oci_store_load_blob(from, name, &d->digest, d->size, OCI_MAX_JSON, &b, err) < 0 ||
	    js_read(ss_buf_span(&b), OCI_MAX_JSON, "manifest", &j, err) < 0)
		return -1;
	if (!json_is_object(j))
		return ss_fail(err, SS_EINPUT, "manifest: not an object");
	if (js_str(j, "artifactType", false, &type, err) < 0)
		return ss_ctx(err, "manifest");
	if (type == NULL || strcmp(type, REC_BUNDLE_TYPE) != 0)
		return 0;
	if (js_arr(j, "layers", true, &layers, err) < 0)
		return ss_ctx(err, "manifest");
	if (json_array_size(layers) < 1 || json_array_size(layers) > REC_BUNDLE_MAX + 1)
		return ss_fail(err, SS_ELIMIT, "manifest: %zu layers; 1 to %u are read",
			       json_array_size(layers), REC_BUNDLE_MAX + 1);
	for (size_t i = 1; i < json_array_size(layers); i++) {
		const json_t *desc = json_array_get(layers, i);

		if (!json_is_object(desc))
			return ss_fail(err, SS_EINPUT, "manifest: layer %zu is no object", i);
		if (take_object(s, from, desc, info, err) < 0)
			return -1;
	}
	*ret_ours = true;
	return 0;
}

static int take_all(struct rec_store *s, const struct oci_store *from, struct rec_bundle_info *info,
		    struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(OCI_MAX_JSON);
	SS_CLEANUP(oci_index_done) struct oci_index index = { 0 };
	bool any = false;

	if (oci_store_load(from, "index.json", OCI_MAX_JSON, &b, err) < 0 ||
	    oci_index_read(ss_buf_span(&b), &index, err) < 0)
		return -1;
	if (index.n > MANIFESTS_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu manifests; the limit is %u", index.n,
			       MANIFESTS_MAX);
	for (size_t i = 0; i < index.n; i++) {
		bool ours = false;

		if (index.v[i].media == OCI_MEDIA_MANIFEST &&
		    take_manifest(s, from, &index.v[i], &ours, info, err) < 0)
			return -1;
		any = any || ours;
	}
	if (!any)
		return ss_fail(err, SS_EINPUT, "holds no inputs: no artifact of type '%s'",
			       REC_BUNDLE_TYPE);
	return 0;
}

int rec_bundle_read(struct rec_store *s, const char *path, struct rec_bundle_info *ret,
		    struct ss_err *err)
{
	AUTO_STORE struct oci_store *from = NULL;
	struct rec_bundle_info info = { 0 };
	struct stat st = { 0 };
	int rc;

	if (stat(path, &st) < 0)
		return ss_fail_sys(err, "cannot open '%s'", path);
	rc = S_ISDIR(st.st_mode) ? oci_store_open_dir(path, &from, err)
				 : oci_store_open_archive(path, REC_OBJECT_MAX, NULL, &from, err);
	if (rc < 0)
		return S_ISDIR(st.st_mode) ? -1 : ss_ctx(err, "'%s'", path);
	if (take_all(s, from, &info, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (rec_store_sync(s, err) < 0)
		return -1;
	*ret = info;
	return 0;
}
