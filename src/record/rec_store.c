/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_store.h"

#include "base/hex.h"
#include "io/beneath.h"
#include "io/cache.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/fswalk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DAY 86400
#define READ_SIZE ((size_t)128 * 1024)
#define OBJECT_NAME (sizeof("sha256/ab/") + 64)

/* "sha256/ab/ab…"; the folder is its first nine bytes. */
static void object_name(const uint8_t *hash, char ret[OBJECT_NAME])
{
	char hex[REC_HEX];

	ss_hex((struct ss_span){ hash, CRYPTO_SHA256_SIZE }, hex);
	(void)snprintf(ret, OBJECT_NAME, "sha256/%.2s/%s", hex, hex);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int make_folder(const struct rec_store *s, const char *name, struct ss_err *err)
{
	if (mkdirat(s->dir, name, 0700) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s/%s'", s->path, name);
	return 0;
}

/* Alone for a moment, if nobody else is here: then files with names that were left behind go. */
static int take_lock(struct rec_store *s, enum rec_hold hold, struct ss_err *err)
{
	AUTO_FREE char *path = ss_calloc(strlen(s->path) + 8, 1);
	int rc;

	(void)snprintf(path, strlen(s->path) + 8, "%s/lock", s->path);
	if (io_lock_file(path, true, false, &s->lock, err) < 0)
		return -1;
	if (s->lock >= 0 && io_folder_remove(s->dir, "tmp", err) < 0)
		return -1;
	if (hold == REC_ALONE) {
		if (s->lock >= 0)
			return 0;
		return ss_fail(err, SS_ESYS, "the store of inputs '%s' is in use by a build",
			       s->path);
	}
	if (s->lock < 0)
		return io_lock_file(path, false, true, &s->lock, err);
	do
		rc = flock(s->lock, LOCK_SH);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? ss_fail_sys(err, "cannot lock '%s'", path) : 0;
}

int rec_store_open(const char *path, enum rec_hold hold, struct rec_store *ret, struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;

	s.path = path != NULL ? strdup(path) : io_cache_dir("inputs", err);
	if (s.path == NULL)
		return -1;
	if (path != NULL && mkdir(path, 0700) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s'", path);
	s.dir = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.dir < 0)
		return ss_fail_sys(err, "cannot open the store of inputs '%s'", s.path);
	if (take_lock(&s, hold, err) < 0 || make_folder(&s, "sha256", err) < 0)
		return -1;
	*ret = s;
	s = (struct rec_store)REC_STORE_NONE;
	return 0;
}

void rec_store_done(struct rec_store *s)
{
	ss_closep(&s->dir);
	ss_closep(&s->lock);
	free(s->path);
	*s = (struct rec_store)REC_STORE_NONE;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int hash_file(int fd, uint8_t ret[CRYPTO_SHA256_SIZE], uint64_t *ret_size,
		     struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	AUTO_FREE uint8_t *p = ss_calloc(READ_SIZE, 1);
	uint64_t at = 0;
	size_t n;

	do {
		if (io_pread_full(fd, at, p, READ_SIZE, &n, err) < 0)
			return -1;
		crypto_hash_put(h, (struct ss_span){ p, n });
		at += n;
	} while (n == READ_SIZE);
	crypto_hash_end(h, ret);
	*ret_size = at;
	return 0;
}

/* So that `prune` knows what nobody needs. A store that cannot be written may be read all the same.
 */
static void note_use(int fd, const struct stat *st)
{
	const int64_t now = io_clock_now();

	if (now - st->st_mtim.tv_sec > DAY)
		(void)futimens(fd, NULL);
}

int rec_store_get(const struct rec_store *s, const uint8_t hash[CRYPTO_SHA256_SIZE],
		  enum rec_found *ret, int *ret_fd, uint64_t *ret_size, struct ss_err *err)
{
	char name[OBJECT_NAME];
	uint8_t got[CRYPTO_SHA256_SIZE];
	struct stat st = { 0 };
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;

	object_name(hash, name);
	if (ret_fd != NULL)
		*ret_fd = -1;
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		*ret = REC_MISSING;
		return 0;
	}
	if (fd < 0 && errno == ELOOP) {
		*ret = REC_DAMAGED;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot open '%s/%s'", s->path, name);
	if (!S_ISREG(st.st_mode)) {
		*ret = REC_DAMAGED;
		return 0;
	}
	if (hash_file(fd, got, &size, err) < 0)
		return ss_ctx(err, "'%s/%s'", s->path, name);
	*ret = memcmp(got, hash, sizeof(got)) == 0 ? REC_WHOLE : REC_DAMAGED;
	if (*ret != REC_WHOLE)
		return 0;
	note_use(fd, &st);
	*ret_size = size;
	if (ret_fd != NULL)
		*ret_fd = ss_take_fd(&fd);
	return 0;
}

/* --- adding ------------------------------------------------------------------------------------
 */

static int open_named(struct rec_put *p, struct ss_err *err)
{
	struct rec_store *s = p->store;

	if (make_folder(s, "tmp", err) < 0)
		return -1;
	for (unsigned i = 0; i < 1000 && p->fd < 0; i++) {
		(void)snprintf(p->name, sizeof(p->name), "tmp/%ld-%u", (long)getpid(),
			       __atomic_fetch_add(&s->n, 1, __ATOMIC_RELAXED));
		p->fd = openat(s->dir, p->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (p->fd < 0 && errno != EEXIST)
			break;
	}
	if (p->fd >= 0)
		return 0;
	p->name[0] = '\0';
	return ss_fail_sys(err, "cannot make a file in '%s/tmp'", s->path);
}

int rec_put_begin(struct rec_store *s, uint64_t max, struct rec_put *ret, struct ss_err *err)
{
	AUTO_REC_PUT struct rec_put p = REC_PUT_NONE;

	p.store = s;
	p.max = max < REC_OBJECT_MAX ? max : REC_OBJECT_MAX;
#ifdef O_TMPFILE
	if (!s->named)
		p.fd = openat(s->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (!s->named && p.fd < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL &&
	    errno != ENOENT)
		return ss_fail_sys(err, "cannot make a file in '%s'", s->path);
#endif
	if (p.fd < 0 && open_named(&p, err) < 0)
		return -1;
	p.hash = crypto_hash_new(CRYPTO_SHA256);
	*ret = p;
	p = (struct rec_put)REC_PUT_NONE;
	return 0;
}

int rec_put_bytes(struct rec_put *p, struct ss_span bytes, struct ss_err *err)
{
	if (bytes.n > p->max - p->size)
		return ss_fail(err, SS_ELIMIT, "more than %" PRIu64 " bytes", p->max);
	if (io_write_all(p->fd, bytes, err) < 0)
		return ss_ctx(err, "the store of inputs '%s'", p->store->path);
	crypto_hash_put(p->hash, bytes);
	p->size += bytes.n;
	return 0;
}

/* Gives the file the name `to`; EEXIST is the caller's to judge. */
static int give_name(const struct rec_put *p, const char *to)
{
	char proc[64];

	if (p->name[0] != '\0')
		return linkat(p->store->dir, p->name, p->store->dir, to, 0);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", p->fd);
	return linkat(AT_FDCWD, proc, p->store->dir, to, AT_SYMLINK_FOLLOW);
}

/* Something damaged has the name: the new file takes its place in one step. */
static int replace(struct rec_put *p, const char *to, struct ss_err *err)
{
	struct rec_store *s = p->store;

	if (p->name[0] == '\0') {
		char name[sizeof(p->name)];

		if (make_folder(s, "tmp", err) < 0)
			return -1;
		(void)snprintf(name, sizeof(name), "tmp/%ld-%u", (long)getpid(),
			       __atomic_fetch_add(&s->n, 1, __ATOMIC_RELAXED));
		if (give_name(p, name) < 0)
			return ss_fail_sys(err, "cannot name '%s/%s'", s->path, name);
		memcpy(p->name, name, sizeof(name));
	}
	if (renameat(s->dir, p->name, s->dir, to) < 0)
		return ss_fail_sys(err, "cannot replace '%s/%s'", s->path, to);
	p->name[0] = '\0';
	return 0;
}

static int make_object(struct rec_put *p, const uint8_t *hash, struct ss_err *err)
{
	char name[OBJECT_NAME];
	char folder[sizeof("sha256/ab")];
	enum rec_found found;
	uint64_t size;

	object_name(hash, name);
	memcpy(folder, name, sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	if (make_folder(p->store, folder, err) < 0)
		return -1;
	if (give_name(p, name) == 0)
		return 0;
	if (errno != EEXIST)
		return ss_fail_sys(err, "cannot name '%s/%s'", p->store->path, name);
	if (rec_store_get(p->store, hash, &found, NULL, &size, err) < 0)
		return -1;
	return found == REC_WHOLE ? 0 : replace(p, name, err);
}

int rec_put_commit(struct rec_put *p, const uint8_t *want, uint8_t ret[CRYPTO_SHA256_SIZE],
		   struct ss_err *err)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	char a[REC_HEX], b[REC_HEX];

	crypto_hash_end(p->hash, hash);
	crypto_hash_free(TAKE_PTR(p->hash));
	if (want != NULL && memcmp(want, hash, sizeof(hash)) != 0) {
		ss_hex((struct ss_span){ hash, sizeof(hash) }, a);
		ss_hex((struct ss_span){ want, sizeof(hash) }, b);
		return ss_fail(err, SS_EVERIFY, "sha256 %s, but %s was expected", a, b);
	}
	if (make_object(p, hash, err) < 0)
		return -1;
	memcpy(ret, hash, sizeof(hash));
	return 0;
}

void rec_put_done(struct rec_put *p)
{
	if (p->name[0] != '\0')
		(void)unlinkat(p->store->dir, p->name, 0);
	ss_closep(&p->fd);
	crypto_hash_free(p->hash);
	*p = (struct rec_put)REC_PUT_NONE;
}

int rec_store_sync(const struct rec_store *s, struct ss_err *err)
{
#ifdef __linux__
	if (syncfs(s->dir) < 0)
		return ss_fail_sys(err, "the store of inputs '%s': cannot write", s->path);
#else
	(void)s;
	(void)err;
	sync();
#endif
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

struct walk {
	int (*each)(void *ctx, const struct rec_object *o, struct ss_err *err);
	void (*odd)(void *ctx, struct ss_span path);
	void *ctx;
};

/* "ab/ab…" */
static bool is_object(const struct io_walk_entry *e, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	return S_ISREG(e->st->st_mode) && e->path.n == 67 && strlen(e->name) == 64 &&
	       memcmp(e->path.p, e->name, 2) == 0 && strspn(e->name, "0123456789abcdef") == 64 &&
	       ss_unhex(e->name, ret, CRYPTO_SHA256_SIZE);
}

static int entry(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	const struct walk *w = ctx;
	struct rec_object o = { .used = e->st->st_mtim.tv_sec };

	if (is_object(e, o.hash)) {
		o.size = (uint64_t)e->st->st_size;
		return w->each(w->ctx, &o, err);
	}
	if (w->odd != NULL && !(S_ISDIR(e->st->st_mode) && (e->path.n == 0 || e->path.n == 2)))
		w->odd(w->ctx, e->path);
	return 0;
}

int rec_store_each(const struct rec_store *s,
		   int (*each)(void *ctx, const struct rec_object *o, struct ss_err *err),
		   void (*odd)(void *ctx, struct ss_span path), void *ctx, struct ss_err *err)
{
	struct walk w = { each, odd, ctx };
	const size_t n = strlen(s->path) + sizeof("/sha256");
	AUTO_FREE char *top = ss_calloc(n, 1);

	(void)snprintf(top, n, "%s/sha256", s->path);
	return io_walk(top, entry, &w, err);
}

int rec_store_remove(const struct rec_store *s, const uint8_t hash[CRYPTO_SHA256_SIZE],
		     struct ss_err *err)
{
	char name[OBJECT_NAME];

	object_name(hash, name);
	if (unlinkat(s->dir, name, 0) < 0 && errno != ENOENT)
		return ss_fail_sys(err, "cannot remove '%s/%s'", s->path, name);
	return 0;
}
