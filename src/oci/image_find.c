/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_find.h"

#include "base/mem.h"
#include "base/show.h"
#include "oci/choose.h"
#include "oci/image_config.h"
#include "oci/platform.h"

#include <stdio.h>
#include <string.h>

/* How a place names what it keeps by digest. */
struct naming {
	void (*blob)(const struct oci_digest *d, char ret[OCI_BLOB_PATH]);
	void (*manifest)(const struct oci_digest *d, char ret[OCI_BLOB_PATH]);
};

/* What is looked for, where, and where it goes. */
struct finding {
	const struct oci_resolve *r;
	const struct naming *names;
	struct oci_layers *layers;
	struct oci_image *image;
};

static void dir_blob(const struct oci_digest *d, char ret[OCI_BLOB_PATH])
{
	char text[OCI_DIGEST_TEXT];

	oci_digest_write(d, text);
	(void)snprintf(ret, OCI_BLOB_PATH, "%s", strchr(text, ':') + 1);
}

static void dir_manifest(const struct oci_digest *d, char ret[OCI_BLOB_PATH])
{
	char text[OCI_DIGEST_TEXT];

	oci_digest_write(d, text);
	(void)snprintf(ret, OCI_BLOB_PATH, "%.64s.manifest.json", strchr(text, ':') + 1);
}

static const struct naming layout_naming = { oci_digest_path, oci_digest_path };
static const struct naming dir_naming = { dir_blob, dir_manifest };

static int check_platform(const struct oci_resolve *r, const struct oci_config *c,
			  struct ss_err *err)
{
	char text[128];

	if (oci_platform_rank(r->arch, c->os, c->arch, c->variant) > 0)
		return 0;
	oci_platform_text(c->os, c->arch, c->variant, text, sizeof(text));
	return ss_fail(err, SS_EINPUT, "the image is for %s, not for linux/%s", text, r->arch);
}

int oci_resolve_config(const struct oci_resolve *r, struct ss_buf *config,
		       struct oci_config *ret_config, struct oci_image *ret_image,
		       struct ss_err *err)
{
	if (oci_config_read(ss_buf_span(config), ret_config, err) < 0 ||
	    check_platform(r, ret_config, err) < 0 ||
	    oci_image_take(ret_config, ret_image, err) < 0)
		return -1;
	ret_image->config_json = *config;
	*config = (struct ss_buf)SS_BUF_INIT(OCI_MAX_JSON);
	return 0;
}

static int find_layer(const struct oci_resolve *r, const struct naming *names,
		      const struct oci_desc *d, struct oci_layer *l, struct ss_err *err)
{
	char path[OCI_BLOB_PATH];

	names->blob(&d->digest, path);
	l->has_digest = true;
	l->digest = d->digest;
	if (oci_store_find(r->store, path, &l->part, err) < 0)
		return -1;
	if (l->part.n != d->size)
		return ss_fail(err, SS_EINPUT, "'%s': %llu bytes, but %llu were expected", path,
			       (unsigned long long)l->part.n, (unsigned long long)d->size);
	return 0;
}

static int find_layers(const struct finding *f, const struct oci_manifest *m,
		       const struct oci_config *c, struct ss_err *err)
{
	struct oci_layers *ret = f->layers;

	if (m->n_layers != c->n_diff_ids)
		return ss_fail(err, SS_EINPUT, "the manifest has %zu layers, the config %zu",
			       m->n_layers, c->n_diff_ids);
	ret->v = ss_calloc(m->n_layers, sizeof(*ret->v));
	for (; ret->n < m->n_layers; ret->n++) {
		struct oci_layer *l = &ret->v[ret->n];
		char digest[OCI_DIGEST_SHORT];

		l->part.fd = -1;
		l->has_diff_id = true;
		l->diff_id = c->diff_ids[ret->n];
		if (find_layer(f->r, f->names, &m->layers[ret->n], l, err) < 0) {
			oci_digest_write_short(&l->digest, digest);
			return ss_ctx(err, "layer %zu (%s)", ret->n + 1, digest);
		}
	}
	return 0;
}

static int take_manifest(const struct finding *f, struct ss_span bytes, struct ss_err *err)
{
	SS_CLEANUP(oci_manifest_done) struct oci_manifest m = { 0 };
	SS_CLEANUP(oci_config_done) struct oci_config c = { 0 };
	AUTO_BUF struct ss_buf config = SS_BUF_INIT(OCI_MAX_JSON);
	char path[OCI_BLOB_PATH];

	if (oci_manifest_read(bytes, &m, err) < 0)
		return -1;
	f->names->blob(&m.config.digest, path);
	if (oci_store_load_blob(f->r->store, path, &m.config.digest, m.config.size, OCI_MAX_JSON,
				&config, err) < 0)
		return ss_ctx(err, "config");
	crypto_hash_once(CRYPTO_SHA256, bytes, f->image->manifest_sha256);
	if (oci_resolve_config(f->r, &config, &c, f->image, err) < 0)
		return -1;
	return find_layers(f, &m, &c, err);
}

/* Replaces the index in `doc` by the document that is chosen from it. */
static int descend(const struct finding *f, const char *tag, struct ss_buf *doc,
		   enum oci_media *ret, struct ss_err *err)
{
	SS_CLEANUP(oci_index_done) struct oci_index index = { 0 };
	AUTO_BUF struct ss_buf next = SS_BUF_INIT(OCI_MAX_JSON);
	const struct oci_desc *d;
	char path[OCI_BLOB_PATH];

	if (oci_index_read(ss_buf_span(doc), &index, err) < 0 ||
	    oci_choose(&index, tag, f->r->arch, &d, err) < 0)
		return -1;
	f->names->manifest(&d->digest, path);
	if (oci_store_load_blob(f->r->store, path, &d->digest, d->size, OCI_MAX_JSON, &next, err) <
	    0)
		return -1;
	*ret = d->media;
	ss_buf_done(doc);
	*doc = next;
	next = (struct ss_buf)SS_BUF_INIT(OCI_MAX_JSON);
	return 0;
}

static int follow(const struct finding *f, const char *tag, struct ss_buf *doc,
		  enum oci_media media, struct ss_err *err)
{
	for (unsigned depth = 0; media == OCI_MEDIA_INDEX; depth++) {
		if (depth == OCI_MAX_DEPTH)
			return ss_fail(err, SS_ELIMIT, "indexes more than %u deep", OCI_MAX_DEPTH);
		if (descend(f, depth == 0 ? tag : NULL, doc, &media, err) < 0)
			return -1;
	}
	return take_manifest(f, ss_buf_span(doc), err);
}

static int check_layout(const struct oci_resolve *r, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(OCI_MAX_JSON);
	AUTO_JSON json_t *j = NULL;
	const char *version;

	if (oci_store_load(r->store, "oci-layout", OCI_MAX_JSON, &b, err) < 0)
		return -1;
	if (js_read(ss_buf_span(&b), OCI_MAX_JSON, "oci-layout", &j, err) < 0)
		return -1;
	if (!json_is_object(j) || js_str(j, "imageLayoutVersion", true, &version, err) < 0)
		return ss_fail(err, SS_EINPUT, "oci-layout: not an image layout");
	if (strcmp(version, "1.0.0") != 0)
		return ss_fail(
			err, SS_EINPUT, "oci-layout: version '%s'; only 1.0.0 is read",
			SS_SHOW(((struct ss_span){ (const uint8_t *)version, strlen(version) })));
	return 0;
}

int oci_resolve_layout(const struct oci_resolve *r, struct oci_layers *ret_layers,
		       struct oci_image *ret_image, struct ss_err *err)
{
	const struct finding f = { r, &layout_naming, ret_layers, ret_image };
	AUTO_BUF struct ss_buf doc = SS_BUF_INIT(OCI_MAX_JSON);
	enum oci_media media = OCI_MEDIA_INDEX;

	if (check_layout(r, err) < 0)
		return -1;
	if (r->ref->digest != NULL) {
		struct oci_digest d;
		char path[OCI_BLOB_PATH];

		if (oci_digest_read(r->ref->digest, &d, err) < 0)
			return -1;
		oci_digest_path(&d, path);
		if (oci_store_load_blob(r->store, path, &d, UINT64_MAX, OCI_MAX_JSON, &doc, err) <
			    0 ||
		    oci_document_kind(ss_buf_span(&doc), &media, err) < 0)
			return -1;
	} else if (oci_store_load(r->store, "index.json", OCI_MAX_JSON, &doc, err) < 0) {
		return -1;
	}
	return follow(&f, r->ref->name, &doc, media, err);
}

int oci_resolve_dir(const struct oci_resolve *r, struct oci_layers *ret_layers,
		    struct oci_image *ret_image, struct ss_err *err)
{
	static const char version[] = "Directory Transport Version: 1.";
	const struct finding f = { r, &dir_naming, ret_layers, ret_image };
	AUTO_BUF struct ss_buf v = SS_BUF_INIT(256);
	AUTO_BUF struct ss_buf doc = SS_BUF_INIT(OCI_MAX_JSON);
	enum oci_media media;

	if (oci_store_load(r->store, "version", 256, &v, err) < 0)
		return -1;
	if (v.n < sizeof(version) || memcmp(v.p, version, sizeof(version) - 1) != 0)
		return ss_fail(err, SS_EINPUT, "'version': not version 1 of skopeo's folders");
	if (oci_store_load(r->store, "manifest.json", OCI_MAX_JSON, &doc, err) < 0 ||
	    oci_document_kind(ss_buf_span(&doc), &media, err) < 0)
		return -1;
	return follow(&f, NULL, &doc, media, err);
}
