/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_bundle.h"

#include "base/hex.h"
#include "base/show.h"
#include "base/sort.h"
#include "fmt/json.h"
#include "fmt/tar_write.h"
#include "io/atomic.h"
#include "io/file.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 * 1024 * 1024)
#define COPY_SIZE ((size_t)128 * 1024)
#define EMPTY "{}"
#define EMPTY_TYPE "application/vnd.oci.empty.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define DIGEST_MAX (7 + REC_HEX)

struct object {
	uint8_t hash[CRYPTO_SHA256_SIZE];
	uint64_t size;
	const char *url; /* one of those that it came from; borrowed */
	size_t at;
};

struct bundle {
	const struct rec_store *store;
	struct object *v;
	size_t n;
	struct ss_buf list, manifest, index;
	int fd;
};

static void bundle_done(struct bundle *b)
{
	free(b->v);
	ss_buf_done(&b->list);
	ss_buf_done(&b->manifest);
	ss_buf_done(&b->index);
}

static struct ss_span span_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* --- which objects -----------------------------------------------------------------------------
 */

static int by_hash(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	const int d = memcmp(x->hash, y->hash, sizeof(x->hash));

	return d != 0 ? d : x->at < y->at ? -1 : 1;
}

/* Each object once, in the order of the hashes. */
static int collect(const struct cfg_list *inputs, struct bundle *b, struct ss_err *err)
{
	const struct cfg_input *in = inputs->v;
	size_t n = 0;

	b->v = ss_calloc(inputs->n, sizeof(*b->v));
	for (size_t i = 0; i < inputs->n; i++) {
		struct object *o = &b->v[n];

		if (in[i].sha256 == NULL)
			continue;
		*o = (struct object){ .size = in[i].size, .url = in[i].url, .at = n };
		if (!ss_unhex(in[i].sha256, o->hash, sizeof(o->hash)))
			return ss_fail(err, SS_EINPUT, "'%s' is no hash",
				       SS_SHOW(span_of(in[i].sha256)));
		n++;
	}
	if (n > 0)
		ss_sort(b->v, n, sizeof(*b->v), by_hash);
	for (size_t i = 0; i < n; i++) {
		const struct object *last = b->n > 0 ? &b->v[b->n - 1] : NULL;

		if (last == NULL || memcmp(last->hash, b->v[i].hash, sizeof(last->hash)) != 0)
			b->v[b->n++] = b->v[i];
		else if (last->size != b->v[i].size)
			return ss_fail(err, SS_EINPUT, "'%s' and '%s' have one hash and two sizes",
				       last->url, b->v[i].url);
	}
	if (b->n > REC_BUNDLE_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu objects; one artifact holds %u", b->n,
			       REC_BUNDLE_MAX);
	return 0;
}

/* --- its documents -----------------------------------------------------------------------------
 */

static void digest_text(const uint8_t *hash, char ret[DIGEST_MAX])
{
	memcpy(ret, "sha256:", 7);
	ss_hex((struct ss_span){ hash, CRYPTO_SHA256_SIZE }, ret + 7);
}

static json_t *descriptor(const char *type, const uint8_t *hash, uint64_t size)
{
	char text[DIGEST_MAX];

	digest_text(hash, text);
	return json_pack("{s:s, s:s, s:I}", "digest", text, "mediaType", type, "size",
			 (json_int_t)size);
}

static json_t *describe(const char *type, struct ss_span bytes)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];

	crypto_hash_once(CRYPTO_SHA256, bytes, hash);
	return descriptor(type, hash, bytes.n);
}

static void put_json(json_t *j, struct ss_buf *ret)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(j);
	if (text == NULL)
		abort(); /* no memory */
	ss_buf_put(ret, span_of(text));
	free(text);
}

static void make_list(const struct cfg_list *inputs, struct ss_buf *ret)
{
	static const struct cfg_field fields[] = {
		{ .key = "input",
		  .kind = CFG_LIST,
		  .at = 0,
		  .max = CFG_INPUTS_MAX,
		  .fields = cfg_input_fields,
		  .size = sizeof(struct cfg_input) },
		CFG_FIELDS_END,
	};
	AUTO_TOML struct toml_node *t = toml_new(TOML_TABLE, 0);

	cfg_fields_write(fields, inputs, t);
	toml_write(t, ret);
}

static int make_documents(const struct cfg_list *inputs, struct bundle *b, struct ss_err *err)
{
	json_t *layers = json_array();

	make_list(inputs, &b->list);
	(void)json_array_append_new(layers, describe(REC_BUNDLE_LIST, ss_buf_span(&b->list)));
	for (size_t i = 0; i < b->n; i++)
		(void)json_array_append_new(
			layers, descriptor("application/octet-stream", b->v[i].hash, b->v[i].size));
	put_json(json_pack("{s:s, s:o, s:o, s:s, s:i}", "artifactType", REC_BUNDLE_TYPE, "config",
			   describe(EMPTY_TYPE, span_of(EMPTY)), "layers", layers, "mediaType",
			   MANIFEST_TYPE, "schemaVersion", 2),
		 &b->manifest);
	put_json(json_pack("{s:[o], s:s, s:i}", "manifests",
			   describe(MANIFEST_TYPE, ss_buf_span(&b->manifest)), "mediaType",
			   INDEX_TYPE, "schemaVersion", 2),
		 &b->index);
	if (ss_buf_check(&b->list, "list of inputs", err) < 0 ||
	    ss_buf_check(&b->manifest, "manifest", err) < 0)
		return -1;
	return ss_buf_check(&b->index, "index", err);
}

/* --- the archive -------------------------------------------------------------------------------
 */

static int put_file(int fd, const char *name, struct ss_span bytes, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEXT_MAX);

	tar_write_header(name, bytes.n, &b);
	ss_buf_put(&b, bytes);
	tar_write_pad(bytes.n, &b);
	if (ss_buf_check(&b, "file", err) < 0)
		return -1;
	return io_write_all(fd, ss_buf_span(&b), err);
}

static void blob_name(const uint8_t *hash, char ret[TAR_WRITE_NAME_MAX])
{
	char hex[REC_HEX];

	ss_hex((struct ss_span){ hash, CRYPTO_SHA256_SIZE }, hex);
	(void)snprintf(ret, TAR_WRITE_NAME_MAX, "blobs/sha256/%s", hex);
}

static int put_blob(int fd, struct ss_span bytes, struct ss_err *err)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	char name[TAR_WRITE_NAME_MAX];

	crypto_hash_once(CRYPTO_SHA256, bytes, hash);
	blob_name(hash, name);
	return put_file(fd, name, bytes, err);
}

static int copy_object(int from, uint64_t size, int to, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = ss_calloc(COPY_SIZE, 1);

	while (size > 0) {
		size_t n = size < COPY_SIZE ? (size_t)size : COPY_SIZE;

		if (io_read_full(from, p, n, &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_ESYS, "changed while it was being read");
		if (io_write_all(to, (struct ss_span){ p, n }, err) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

static int put_object(const struct bundle *b, const struct object *o, struct ss_err *err)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(TEXT_MAX), pad = SS_BUF_INIT(TEXT_MAX);
	char name[TAR_WRITE_NAME_MAX];
	enum rec_found found;
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;

	if (rec_store_get(b->store, o->hash, &found, &fd, &size, err) < 0)
		return -1;
	if (found != REC_WHOLE)
		return ss_fail(err, SS_ESYS, "%s in the store of inputs",
			       found == REC_MISSING ? "not" : "damaged");
	if (size != o->size)
		return ss_fail(err, SS_EINPUT, "%" PRIu64 " bytes, but the entry says %" PRIu64,
			       size, o->size);
	blob_name(o->hash, name);
	tar_write_header(name, size, &head);
	tar_write_pad(size, &pad);
	if (io_write_all(b->fd, ss_buf_span(&head), err) < 0 ||
	    copy_object(fd, size, b->fd, err) < 0)
		return -1;
	return io_write_all(b->fd, ss_buf_span(&pad), err);
}

static int put_all(const struct bundle *b, struct ss_err *err)
{
	AUTO_BUF struct ss_buf end = SS_BUF_INIT(TEXT_MAX);

	if (put_file(b->fd, "oci-layout", span_of("{\"imageLayoutVersion\":\"1.0.0\"}"), err) < 0 ||
	    put_file(b->fd, "index.json", ss_buf_span(&b->index), err) < 0 ||
	    put_blob(b->fd, ss_buf_span(&b->manifest), err) < 0 ||
	    put_blob(b->fd, span_of(EMPTY), err) < 0 ||
	    put_blob(b->fd, ss_buf_span(&b->list), err) < 0)
		return -1;
	for (size_t i = 0; i < b->n; i++)
		if (put_object(b, &b->v[i], err) < 0)
			return ss_ctx(err, "input '%s'", b->v[i].url);
	tar_write_end(&end);
	return io_write_all(b->fd, ss_buf_span(&end), err);
}

int rec_bundle_write(const struct rec_store *s, const struct cfg_list *inputs, const char *path,
		     struct rec_bundle_info *ret, struct ss_err *err)
{
	AUTO_ATOMIC struct io_atomic a = IO_ATOMIC_NONE;
	SS_CLEANUP(bundle_done)
	struct bundle b = {
		.store = s,
		.list = SS_BUF_INIT(TEXT_MAX),
		.manifest = SS_BUF_INIT(TEXT_MAX),
		.index = SS_BUF_INIT(TEXT_MAX),
	};
	struct rec_bundle_info info = { 0 };

	if (collect(inputs, &b, err) < 0 || make_documents(inputs, &b, err) < 0 ||
	    io_atomic_open(path, 0, &a, err) < 0)
		return -1;
	b.fd = a.fd;
	if (put_all(&b, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (io_atomic_commit(&a, err) < 0)
		return -1;
	info.objects = b.n;
	for (size_t i = 0; i < b.n; i++)
		info.bytes += b.v[i].size;
	*ret = info;
	return 0;
}
