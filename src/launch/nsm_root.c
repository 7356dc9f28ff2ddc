/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nsm_root.h"

#include "crypto/issue.h"
#include "crypto/x509.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/lock.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PEM_MAX 4096u
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define ROOT_LIFE (3650 * DAY)
#define CLOCK_SLACK 3 /* a leaf is a little older than its first document */

struct nsm_root {
	struct crypto_key *key;
	struct ss_buf der;
};

/* --- the folder ------------------------------------------------------------------------------ */

static int make_path(const char *dir, const char *name, char ret[4096], struct ss_err *err)
{
	if (snprintf(ret, 4096, "%s/%s", dir, name) >= 4096)
		return ss_fail(err, SS_ELIMIT, "the name of the folder is too long");
	return 0;
}

static void wipe_done(struct ss_buf *b)
{
	if (b->n > 0)
		crypto_wipe(b->p, b->n);
	ss_buf_done(b);
}

/* *ret_there is false where there is no such file. */
static int check_key_file(const char *path, bool *ret_there, struct ss_err *err)
{
	struct stat st;

	*ret_there = stat(path, &st) == 0;
	if (!*ret_there)
		return errno == ENOENT ? 0 : ss_fail_sys(err, "cannot read '%s'", path);
	if ((st.st_mode & 077) != 0) {
		(void)ss_fail(err, SS_EUSAGE, "'%s': others may use the key (mode %04o)", path,
			      st.st_mode & 07777u);
		err->hint = "make a new root, or 'chmod 600' it if nobody has read it";
		return -1;
	}
	return 0;
}

static int store(const char *path, unsigned mode, struct ss_span s, struct ss_err *err)
{
	AUTO_ATOMIC struct io_atomic a = IO_ATOMIC_NONE;

	if (io_atomic_open(path, mode, &a, err) < 0 || io_write_all(a.fd, s, err) < 0)
		return -1;
	return io_atomic_commit(&a, err);
}

static int load_key(const char *path, struct crypto_key **ret, struct ss_err *err)
{
	SS_CLEANUP(wipe_done) struct ss_buf pem = SS_BUF_INIT(PEM_MAX);
	bool there;

	if (check_key_file(path, &there, err) < 0)
		return -1;
	if (there) {
		if (io_load_file(path, &pem, err) < 0)
			return -1;
		return crypto_key_read_pem(ss_buf_span(&pem), ret, err) < 0
			       ? ss_ctx(err, "'%s'", path)
			       : 0;
	}
	if (crypto_key_new(CRYPTO_P384, ret, err) < 0 || crypto_key_put_pem(*ret, &pem, err) < 0)
		return -1;
	return store(path, 0600, ss_buf_span(&pem), err);
}

static int make_cert(struct nsm_root *r, const char *path, int64_t now, struct ss_err *err)
{
	const struct crypto_issue i = { .organization = NSM_ROOT_SUBJECT,
					.common_name = NSM_ROOT_SUBJECT " root",
					.key = r->key,
					.issuer_key = r->key,
					.not_before = now,
					.not_after = now + ROOT_LIFE,
					.is_ca = true,
					.path_len = CRYPTO_NO_PATH_LEN,
					.usage = "critical,digitalSignature,keyCertSign,cRLSign" };
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(PEM_MAX);

	if (crypto_issue_cert(&i, &r->der, err) < 0 ||
	    crypto_cert_put_pem(ss_buf_span(&r->der), &pem, err) < 0)
		return -1;
	return store(path, 0644, ss_buf_span(&pem), err);
}

static int load_cert(struct nsm_root *r, const char *path, int64_t now, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(PEM_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;

	if (access(path, F_OK) != 0)
		return make_cert(r, path, now, err);
	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem_only(ss_buf_span(&pem), &c, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (!crypto_cert_has_key(c, r->key))
		return ss_fail(err, SS_EINPUT, "'%s' is not of the key beside it", path);
	if (now < crypto_cert_not_before(c) || now > crypto_cert_not_after(c)) {
		(void)ss_fail(err, SS_EINPUT, "'%s' is not valid at this time", path);
		err->hint = "a folder that does not exist becomes a new root";
		return -1;
	}
	crypto_cert_der(c, &r->der);
	return ss_buf_check(&r->der, path, err);
}

int nsm_root_open(const char *dir, int64_t now, struct nsm_root **ret, struct ss_err *err)
{
	struct nsm_root *r;
	AUTO_CLOSE int lock = -1;
	char key[4096], cert[4096];

	if (make_path(dir, NSM_ROOT_KEY, key, err) < 0 ||
	    make_path(dir, NSM_ROOT_CERT, cert, err) < 0)
		return -1;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s'", dir);
	if (io_lock_dir(dir, &lock, err) < 0)
		return -1;
	r = ss_calloc(1, sizeof(*r));
	r->der = (struct ss_buf)SS_BUF_INIT(NSM_CERT_MAX);
	if (load_key(key, &r->key, err) < 0 || load_cert(r, cert, now, err) < 0) {
		nsm_root_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void nsm_root_free(struct nsm_root *r)
{
	if (r == NULL)
		return;
	crypto_key_free(r->key);
	ss_buf_done(&r->der);
	free(r);
}

struct ss_span nsm_root_der(const struct nsm_root *r)
{
	return ss_buf_span(&r->der);
}

/* --- a chain below it ------------------------------------------------------------------------ */

/* As seen in documents of 2025: names by region, by zone, by instance. */
static const struct {
	const char *name;
	int path_len;
	int64_t age, life;
	const char *usage;
} levels[NSM_CHAIN_LENGTH] = {
	{ NULL, 0, 0, 0, NULL }, /* the root itself */
	{ "region", 2, 2 * DAY, 20 * DAY, "critical,digitalSignature,keyCertSign,cRLSign" },
	{ "zone", 1, DAY, 6 * DAY, "critical,digitalSignature,keyCertSign,cRLSign" },
	{ "instance", 0, HOUR, DAY, "critical,keyCertSign" },
};

static int make_leaf(struct nsm_chain *c, const struct crypto_key *issuer, const char *module_id,
		     int64_t now, struct ss_err *err)
{
	const struct crypto_issue i = {
		.organization = NSM_ROOT_SUBJECT,
		/* X.520 allows a common name 64 characters; a module id may be longer. */
		.common_name = strlen(module_id) <= 64 ? module_id : "enclave",
		.issuer = ss_buf_span(&c->authorities[NSM_CHAIN_LENGTH - 1]),
		.issuer_key = issuer,
		.key = c->key,
		.not_before = now - CLOCK_SLACK,
		.not_after = now + NSM_LEAF_LIFE_S,
		.usage = "digitalSignature,nonRepudiation"
	};

	c->not_before = i.not_before;
	c->not_after = i.not_after;
	c->leaf = (struct ss_buf)SS_BUF_INIT(NSM_CERT_MAX);
	return crypto_issue_cert(&i, &c->leaf, err);
}

static int make_authority(struct nsm_chain *c, size_t level, const struct crypto_key *issuer,
			  const struct crypto_key *key, int64_t now, struct ss_err *err)
{
	char name[64];
	const struct crypto_issue i = { .organization = NSM_ROOT_SUBJECT,
					.common_name = name,
					.issuer = ss_buf_span(&c->authorities[level - 1]),
					.issuer_key = issuer,
					.key = key,
					.not_before = now - levels[level].age,
					.not_after = now - levels[level].age + levels[level].life,
					.is_ca = true,
					.path_len = levels[level].path_len,
					.usage = levels[level].usage };

	(void)snprintf(name, sizeof(name), NSM_ROOT_SUBJECT " %s", levels[level].name);
	c->authorities[level] = (struct ss_buf)SS_BUF_INIT(NSM_CERT_MAX);
	return crypto_issue_cert(&i, &c->authorities[level], err);
}

static int make_chain(const struct nsm_root *r, const char *module_id, int64_t now,
		      struct nsm_chain *c, struct ss_err *err)
{
	AUTO_KEY struct crypto_key *key = NULL;

	c->authorities[0] = (struct ss_buf)SS_BUF_INIT(NSM_CERT_MAX);
	ss_buf_put(&c->authorities[0], ss_buf_span(&r->der));
	for (size_t level = 1; level < NSM_CHAIN_LENGTH; level++) {
		AUTO_KEY struct crypto_key *next = NULL;
		AUTO_KEY struct crypto_key *issuer = TAKE_PTR(key);

		if (crypto_key_new(CRYPTO_P384, &next, err) < 0 ||
		    make_authority(c, level, level == 1 ? r->key : issuer, next, now, err) < 0)
			return -1;
		key = TAKE_PTR(next);
	}
	if (crypto_key_new(CRYPTO_P384, &c->key, err) < 0)
		return -1;
	return make_leaf(c, key, module_id, now, err);
}

int nsm_chain_new(const struct nsm_root *r, const char *module_id, int64_t now,
		  struct nsm_chain **ret, struct ss_err *err)
{
	struct nsm_chain *c = ss_calloc(1, sizeof(*c));

	if (make_chain(r, module_id, now, c, err) < 0) {
		nsm_chain_free(c);
		return ss_ctx(err, "certificates of the test root");
	}
	*ret = c;
	return 0;
}

void nsm_chain_free(struct nsm_chain *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < NSM_CHAIN_LENGTH; i++)
		ss_buf_done(&c->authorities[i]);
	ss_buf_done(&c->leaf);
	crypto_key_free(c->key);
	free(c);
}
