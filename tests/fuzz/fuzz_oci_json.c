/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of an image, and the source's spelling. The first byte picks the parser.
 * Properties: a refusal says why and leaves nothing behind; what is accepted keeps the header's
 * promises, whichever parser is asked; a digest that was read is written as it was.
 */
#include "base/mem.h"
#include "oci/choose.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/name.h"
#include "oci/reference.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void said_why(const struct ss_err *err)
{
	if (err->code == SS_OK || err->msg[0] == '\0')
		abort();
}

static void check_desc(const struct oci_desc *d)
{
	char text[OCI_DIGEST_TEXT];
	struct oci_digest again;
	struct ss_err err = { 0 };

	oci_digest_write(&d->digest, text);
	if (d->type == NULL || oci_digest_read(text, &again, &err) < 0 ||
	    !oci_digest_equal(&again, &d->digest) || oci_media_of(d->type) != d->media)
		abort();
}

static bool try_index(struct ss_span in)
{
	SS_CLEANUP(oci_index_done) struct oci_index i = { 0 };
	const struct oci_desc *d = NULL;
	struct ss_err err = { 0 };

	if (oci_index_read(in, &i, &err) < 0) {
		said_why(&err);
		if (i.json != NULL)
			abort();
		return false;
	}
	for (size_t k = 0; k < i.n; k++)
		check_desc(&i.v[k]);
	for (int k = 0; k < 4; k++) {
		const char *tag = k % 2 > 0 ? "v1" : NULL;

		if (oci_choose(&i, tag, k < 2 ? "amd64" : "arm64", &d, &err) < 0)
			said_why(&err);
		else if (d < i.v || d >= i.v + i.n || d->attestation ||
			 (tag != NULL && (d->ref_name == NULL || strcmp(d->ref_name, tag) != 0)))
			abort();
	}
	return true;
}

static bool try_manifest(struct ss_span in)
{
	SS_CLEANUP(oci_manifest_done) struct oci_manifest m = { 0 };
	struct ss_err err = { 0 };

	if (oci_manifest_read(in, &m, &err) < 0) {
		said_why(&err);
		if (m.json != NULL)
			abort();
		return false;
	}
	check_desc(&m.config);
	if (m.n_layers > OCI_MAX_LAYERS || m.config.media != OCI_MEDIA_CONFIG)
		abort();
	for (size_t k = 0; k < m.n_layers; k++)
		check_desc(&m.layers[k]);
	return true;
}

static void try_config(struct ss_span in)
{
	SS_CLEANUP(oci_config_done) struct oci_config c = { 0 };
	SS_CLEANUP(oci_image_done) struct oci_image i = { 0 };
	struct ss_err err = { 0 };

	if (oci_config_read(in, &c, &err) < 0) {
		said_why(&err);
		return;
	}
	if (c.os == NULL || c.arch == NULL || c.n_diff_ids > OCI_MAX_LAYERS)
		abort();
	if (oci_image_take(&c, &i, &err) < 0) {
		said_why(&err);
		return;
	}
	if (i.env.v[i.env.n] != NULL || i.cmd.v[i.cmd.n] != NULL)
		abort();
	for (size_t k = 1; k < i.ports.n; k++)
		if (strcmp(i.ports.v[k - 1], i.ports.v[k]) >= 0)
			abort();
}

/* No cleaned name leads anywhere but down; cleaning again changes nothing. */
static void try_name(struct ss_span in)
{
	struct oci_name n, again;
	enum oci_mark mark;
	struct ss_err err = { 0 };

	if (oci_name_clean(in, &n, &err) < 0) {
		said_why(&err);
		return;
	}
	if (n.n > 0 && (n.p[0] == '/' || n.p[n.n - 1] == '/' || memchr(n.p, 0, n.n) != NULL))
		abort();
	if (n.n > 0 && (oci_name_clean(oci_name_span(&n), &again, &err) < 0 || again.n != n.n ||
			memcmp(again.p, n.p, n.n) != 0))
		abort();
	if (oci_name_mark(&n, &mark, &err) < 0)
		said_why(&err);
	else if (n.n > 0 && oci_name_clean(oci_name_span(&n), &again, &err) < 0)
		abort(); /* a mark made ".." of a name */
}

static void try_reference(struct ss_span in)
{
	AUTO_FREE char *text = ss_calloc(in.n + 1, 1);
	SS_CLEANUP(oci_reference_done) struct oci_reference r = { 0 };
	struct ss_err err = { 0 };

	memcpy(text, in.p, in.n);
	if (oci_reference_read(text, &r, &err) < 0) {
		said_why(&err);
		return;
	}
	if (r.path[0] == '\0' || !oci_is_source(text) || (r.name != NULL && r.digest != NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = NULL;
	struct ss_span in;

	if (size == 0)
		return 0;
	copy = ss_calloc(size - 1, 1);
	memcpy(copy, data + 1, size - 1);
	in = (struct ss_span){ copy, size - 1 };
	switch (data[0] % 4) {
	case 0:
		/* One document is never both. */
		if (try_index(in) && try_manifest(in))
			abort();
		break;
	case 1:
		try_config(in);
		break;
	case 2:
		try_name(in);
		break;
	default:
		try_reference(in);
		break;
	}
	return 0;
}
