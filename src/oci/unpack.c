/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/unpack.h"

#include "base/mem.h"
#include "io/fan.h"
#include "io/file.h"
#include "oci/source.h"

#include <pthread.h>
#include <sys/stat.h>

struct oci_unpack {
	const struct oci_unpack_in *in;
	enum inflate_kind kind;
	int spool; /* -1 for a plain part */
	pthread_t thread;
	bool running;
	struct io_fan *blob; /* the bytes of the part */
	struct io_fan *tar;  /* what comes out of them */
	struct crypto_hash *digest;
	struct crypto_hash *diff_id;
	struct inflate *inflate;
	bool broken; /* `inflate_err` says how; the blob is hashed to its end all the same */
	struct ss_err inflate_err;
	int rc; /* of the thread, with `err` */
	struct ss_err err;

	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t written; /* bytes in the spool; guarded by lock, like the next two */
	bool ended;
	bool cancelled;
};

/* --- consumers ---------------------------------------------------------------------------- */

static int hash_bytes(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)err;
	crypto_hash_put(ctx, s);
	return 0;
}

static int write_spool(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct oci_unpack *u = ctx;

	if (io_write_all(u->spool, s, err) < 0)
		return ss_ctx(err, "the spool");
	(void)pthread_mutex_lock(&u->lock);
	u->written += s.n;
	(void)pthread_cond_broadcast(&u->moved);
	(void)pthread_mutex_unlock(&u->lock);
	return 0;
}

/*
 * Broken data does not stop the hashing of the blob: if its digest is wrong too, that is the better
 * thing to say. A bomb or a full disk stops everything.
 */
static int inflate_bytes(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct oci_unpack *u = ctx;

	if (u->broken || inflate_put(u->inflate, s, &u->inflate_err) == 0)
		return 0;
	if (u->inflate_err.code == SS_EINPUT) {
		u->broken = true;
		return 0;
	}
	*err = u->inflate_err;
	return -1;
}

static int tar_room(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err)
{
	struct oci_unpack *u = ctx;

	*ret = io_fan_room(u->tar);
	*ret_n = IO_FAN_CHUNK_SIZE;
	return *ret != NULL ? 0 : ss_fail(err, SS_ESYS, "stopped"); /* the fan knows why */
}

static int tar_push(void *ctx, size_t n, struct ss_err *err)
{
	struct oci_unpack *u = ctx;

	(void)err;
	io_fan_push(u->tar, n);
	return 0;
}

/* --- the thread --------------------------------------------------------------------------- */

static bool is_cancelled(struct oci_unpack *u)
{
	bool c;

	(void)pthread_mutex_lock(&u->lock);
	c = u->cancelled;
	(void)pthread_mutex_unlock(&u->lock);
	return c;
}

/* Steps of two blobs at a time must not overlap. */
static void step(struct ss_progress *p, size_t n)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&lock);
	ss_progress_step(p, n);
	(void)pthread_mutex_unlock(&lock);
}

static int pump(struct oci_unpack *u, struct ss_err *err)
{
	const struct oci_part *part = &u->in->part;

	for (uint64_t at = 0; at < part->n;) {
		const uint64_t left = part->n - at;
		size_t n = left < IO_FAN_CHUNK_SIZE ? (size_t)left : IO_FAN_CHUNK_SIZE;
		uint8_t *room = io_fan_room(u->blob);

		if (room == NULL)
			return 0; /* a consumer failed: closing the fan tells how */
		if (is_cancelled(u))
			return ss_fail(err, SS_ESYS, "stopped");
		if (io_pread_full(part->fd, part->at + at, room, n, &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_EINPUT, "its file became shorter");
		io_fan_push(u->blob, n);
		step(u->in->progress, n);
		at += n;
	}
	return 0;
}

static int open_fans(struct oci_unpack *u, struct ss_err *err)
{
	const bool plain = u->kind == INFLATE_PLAIN;
	struct io_consumer blob[3], tar[2];
	size_t n_blob = 0, n_tar = 0;

	if (u->digest != NULL)
		blob[n_blob++] = (struct io_consumer){ hash_bytes, u->digest };
	if (u->diff_id != NULL && plain)
		blob[n_blob++] = (struct io_consumer){ hash_bytes, u->diff_id };
	else if (u->diff_id != NULL)
		tar[n_tar++] = (struct io_consumer){ hash_bytes, u->diff_id };
	if (!plain) {
		blob[n_blob++] = (struct io_consumer){ inflate_bytes, u };
		tar[n_tar++] = (struct io_consumer){ write_spool, u };
		if (io_fan_open(tar, n_tar, &u->tar, err) < 0)
			return -1;
	}
	return n_blob > 0 ? io_fan_open(blob, n_blob, &u->blob, err) : 0;
}

/* Both fans end here, whatever happened; the first cause in this order is told. */
static int close_fans(struct oci_unpack *u, int rc, struct ss_err *err)
{
	struct ss_err e;

	if (u->blob != NULL && io_fan_close(u->blob, &e) < 0 && rc == 0) {
		*err = e;
		rc = -1;
	}
	if (rc == 0 && u->inflate != NULL && !u->broken && inflate_end(u->inflate, &e) < 0) {
		u->broken = true;
		u->inflate_err = e;
	}
	if (u->tar != NULL && io_fan_close(u->tar, &e) < 0) {
		*err = e; /* "stopped" was its echo */
		rc = -1;
	}
	u->blob = u->tar = NULL;
	return rc;
}

static int judge(struct oci_unpack *u, struct ss_err *err)
{
	struct oci_digest got = { 0 };

	if (u->digest != NULL) {
		got.kind = u->in->digest->kind;
		crypto_hash_end(u->digest, got.v);
		if (oci_digest_check(u->in->digest, &got, err) < 0)
			return -1;
	}
	if (u->broken) {
		*err = u->inflate_err;
		return -1;
	}
	if (u->diff_id != NULL) {
		got.kind = u->in->diff_id->kind;
		crypto_hash_end(u->diff_id, got.v);
	}
	if (u->in->diff_id != NULL && oci_digest_check(u->in->diff_id, &got, err) < 0)
		return ss_ctx(err, "uncompressed");
	return 0;
}

static void *work(void *arg)
{
	struct oci_unpack *u = arg;
	int rc = open_fans(u, &u->err);

	if (rc == 0 && u->blob != NULL)
		rc = pump(u, &u->err);
	rc = close_fans(u, rc, &u->err);
	if (rc == 0)
		rc = judge(u, &u->err);
	u->rc = rc;
	(void)pthread_mutex_lock(&u->lock);
	u->ended = true;
	(void)pthread_cond_broadcast(&u->moved);
	(void)pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* --- outside ------------------------------------------------------------------------------ */

int oci_unpack_kind(const struct oci_part *part, enum inflate_kind *ret, struct ss_err *err)
{
	uint8_t head[INFLATE_SNIFF];
	size_t n = part->n < sizeof(head) ? (size_t)part->n : sizeof(head);

	if (io_pread_full(part->fd, part->at, head, n, &n, err) < 0)
		return -1;
	*ret = inflate_sniff((struct ss_span){ head, n });
	return 0;
}

/* A plain part whose two digests are of one kind is hashed once, for both. */
static void make_hashes(struct oci_unpack *u)
{
	const struct oci_unpack_in *in = u->in;

	if (in->digest != NULL)
		u->digest = crypto_hash_new(in->digest->kind);
	if (in->diff_id != NULL && (u->kind != INFLATE_PLAIN || in->digest == NULL ||
				    in->digest->kind != in->diff_id->kind))
		u->diff_id = crypto_hash_new(in->diff_id->kind);
}

static int make_decoder(struct oci_unpack *u, struct ss_err *err)
{
	const struct inflate_sink sink = { tar_room, tar_push, u };

	if (u->kind == INFLATE_PLAIN)
		return 0;
	if (inflate_new(u->kind, &sink, &u->in->limits, &u->inflate, err) < 0)
		return -1;
	return io_spool_new(&u->spool, err);
}

int oci_unpack_start(const struct oci_unpack_in *in, struct oci_unpack **ret, struct ss_err *err)
{
	AUTO_UNPACK struct oci_unpack *u = ss_calloc(1, sizeof(*u));

	u->in = in;
	u->spool = -1;
	(void)pthread_mutex_init(&u->lock, NULL);
	(void)pthread_cond_init(&u->moved, NULL);
	if (oci_unpack_kind(&in->part, &u->kind, err) < 0)
		return -1;
	if (u->kind == INFLATE_PLAIN && in->limits.out != 0 && in->part.n > in->limits.out) {
		(void)ss_fail(err, SS_ELIMIT, "more than %llu bytes",
			      (unsigned long long)in->limits.out);
		err->hint = in->limits.out_hint;
		return -1;
	}
	make_hashes(u);
	if (make_decoder(u, err) < 0)
		return -1;
	if (pthread_create(&u->thread, NULL, work, u) != 0)
		return ss_fail(err, SS_ESYS, "cannot start a thread");
	u->running = true;
	*ret = TAKE_PTR(u);
	return 0;
}

static int read_spool(struct oci_unpack *u, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
		      struct ss_err *err)
{
	bool failed;

	(void)pthread_mutex_lock(&u->lock);
	while (!u->ended && (u->written < n || u->written - n < at))
		(void)pthread_cond_wait(&u->moved, &u->lock);
	failed = u->ended && u->rc < 0;
	(void)pthread_mutex_unlock(&u->lock);
	if (failed)
		return ss_fail(err, SS_EINPUT, "stopped"); /* oci_unpack_wait() tells why */
	return io_pread_full(u->spool, at, p, n, ret_n, err);
}

int oci_unpack_read(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	struct oci_unpack *u = ctx;
	const struct oci_part *part = &u->in->part;
	uint64_t left;

	if (u->kind != INFLATE_PLAIN)
		return read_spool(u, at, p, n, ret_n, err);
	left = at < part->n ? part->n - at : 0;
	n = n < left ? n : (size_t)left;
	return io_pread_full(part->fd, part->at + at, p, n, ret_n, err);
}

static void join(struct oci_unpack *u)
{
	if (u->running)
		(void)pthread_join(u->thread, NULL);
	u->running = false;
}

int oci_unpack_wait(struct oci_unpack *u, struct ss_err *err)
{
	join(u);
	if (u->rc < 0)
		*err = u->err;
	return u->rc;
}

struct oci_part oci_unpack_result(const struct oci_unpack *u)
{
	struct oci_part p = u->in->part;

	p.owned = false;
	if (u->kind != INFLATE_PLAIN)
		p = (struct oci_part){ u->spool, false, 0, u->written };
	return p;
}

void oci_unpack_free(struct oci_unpack *u)
{
	if (u == NULL)
		return;
	(void)pthread_mutex_lock(&u->lock);
	u->cancelled = true;
	(void)pthread_mutex_unlock(&u->lock);
	join(u);
	inflate_free(u->inflate);
	crypto_hash_free(u->digest);
	crypto_hash_free(u->diff_id);
	if (u->spool >= 0)
		(void)close(u->spool);
	(void)pthread_mutex_destroy(&u->lock);
	(void)pthread_cond_destroy(&u->moved);
	free(u);
}

int oci_unpack_plain(int *fd, uint64_t limit, struct ss_progress *p, struct ss_err *err)
{
	struct stat st = { 0 };
	struct oci_unpack_in in = { .limits = { .out = limit, .out_hint = OCI_HINT_TOTAL },
				    .progress = p };
	AUTO_UNPACK struct oci_unpack *u = NULL;
	enum inflate_kind kind;

	if (fstat(*fd, &st) < 0)
		return ss_fail_sys(err, "cannot read");
	in.part = (struct oci_part){ *fd, false, 0, (uint64_t)st.st_size };
	if (oci_unpack_kind(&in.part, &kind, err) < 0)
		return -1;
	if (kind == INFLATE_PLAIN)
		return 0;
	if (oci_unpack_start(&in, &u, err) < 0 || oci_unpack_wait(u, err) < 0)
		return -1;
	(void)close(*fd);
	*fd = ss_take_fd(&u->spool);
	return 0;
}
