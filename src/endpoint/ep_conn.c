/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_conn.h"

#include "base/mem.h"
#include "endpoint/ep_sender_tls.h"
#include "io/clock.h"
#include "io/dial.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ep_conn {
	int fd;
	SSL *ssl;
	uint64_t until_ms;
	uint8_t spki[EP_MAX_SPKI];
	size_t n_spki;
	bool is_webpki;
	const char *alpn;
	const struct ep_sender *sender; /* NULL: nobody in particular; of the handshake only */
	bool asked;                     /* the peer wanted to know */
};

static int fail_tls(struct ss_err *err, const char *what)
{
	const unsigned long e = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(e);

	ERR_clear_error();
	return ss_fail(err, SS_EREMOTE, "%s: %s", what, why != NULL ? why : "no reason is given");
}

/* Waits for what the last call of libssl lacked; 0 = call it again. */
static int settle(struct ep_conn *c, int rc, const char *what, struct ss_err *err)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return io_wait_read(c->fd, c->until_ms, err) < 0 ? ss_ctx(err, "%s", what) : 0;
	case SSL_ERROR_WANT_WRITE:
		return io_wait_write(c->fd, c->until_ms, err) < 0 ? ss_ctx(err, "%s", what) : 0;
	case SSL_ERROR_ZERO_RETURN:
		return ss_fail(err, SS_EREMOTE, "%s: the peer has ended the connection", what);
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return ss_fail(err, SS_EREMOTE, "%s: %s", what,
			       errno != 0 ? strerror(errno) : "the connection was cut");
	default:
		return fail_tls(err, what);
	}
}

/* --- the handshake --------------------------------------------------------------------------- */

static SSL_CTX *make_context(void)
{
	SSL_CTX *x = SSL_CTX_new(TLS_client_method());

	if (x == NULL || SSL_CTX_set_min_proto_version(x, TLS1_3_VERSION) != 1) {
		SSL_CTX_free(x);
		return NULL;
	}
	/* The chain is looked at and the result kept; it is no reason to end the handshake. */
	SSL_CTX_set_verify(x, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	/* Without them no name holds, which is what is_webpki then says. */
	if (SSL_CTX_set_default_verify_paths(x) != 1)
		ERR_clear_error();
	return x;
}

static bool expect_name(SSL *ssl, const struct ep_url *u)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	char name[sizeof(u->host)]; /* libssl's macro takes the const away, and copies */

	memcpy(name, u->host, sizeof(name));
	if (u->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(p, u->host) == 1;
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(p, u->host, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, name) == 1;
}

static int prepare(struct ep_conn *c, const struct ep_url *u, struct ss_err *err)
{
	const size_t n = strlen(c->alpn);
	uint8_t alpn[1 + 32];
	SSL_CTX *x = make_context();

	assert(n < sizeof(alpn));
	alpn[0] = (uint8_t)n;
	memcpy(alpn + 1, c->alpn, n);
	if (x != NULL)
		c->ssl = SSL_new(x); /* has a share of its own */
	SSL_CTX_free(x);
	if (c->ssl == NULL || !expect_name(c->ssl, u) || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_set_alpn_protos(c->ssl, alpn, (unsigned)n + 1) != 0)
		return fail_tls(err, "cannot prepare TLS");
	if (c->sender != NULL)
		ep_sender_offer(c->sender, c->ssl, &c->asked);
	return 0;
}

/* The bytes of the key, as documents have them. */
static int keep_spki(struct ep_conn *c, const X509 *cert, struct ss_err *err)
{
	const X509_PUBKEY *k = X509_get_X509_PUBKEY(cert);
	const int n = k != NULL ? i2d_X509_PUBKEY(k, NULL) : -1;
	uint8_t *p = c->spki;

	if (n <= 0 || (size_t)n > sizeof(c->spki) || i2d_X509_PUBKEY(k, &p) != n) {
		ERR_clear_error();
		return ss_fail(err, SS_EREMOTE, "the peer's key cannot be one of a document");
	}
	c->n_spki = (size_t)n;
	return 0;
}

static int look_at_peer(struct ep_conn *c, struct ss_err *err)
{
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	const uint8_t *alpn = NULL;
	unsigned n_alpn = 0;
	int rc;

	if (cert == NULL)
		return ss_fail(err, SS_EREMOTE, "the peer has no certificate");
	rc = keep_spki(c, cert, err);
	X509_free(cert);
	if (rc < 0)
		return -1;
	c->is_webpki = SSL_get_verify_result(c->ssl) == X509_V_OK;
	SSL_get0_alpn_selected(c->ssl, &alpn, &n_alpn);
	if (n_alpn != strlen(c->alpn) || memcmp(alpn, c->alpn, n_alpn) != 0)
		return ss_fail(err, SS_EREMOTE, "no attested endpoint: the peer does not speak %s",
			       c->alpn);
	if (c->sender != NULL && !c->asked)
		return ss_fail(err, SS_EREMOTE, "the peer does not ask who sends secrets");
	return 0;
}

static int shake_hands(struct ep_conn *c, struct ss_err *err)
{
	int rc;

	c->until_ms = io_clock_steady_ms() + EP_HANDSHAKE_MS;
	for (;;) {
		errno = 0;
		rc = SSL_connect(c->ssl);
		if (rc == 1)
			return 0;
		if (settle(c, rc, "TLS handshake", err) < 0)
			return -1;
	}
}

static int open_conn(const struct ep_url *u, const char *alpn, const struct ep_sender *s,
		     struct ep_conn **ret, struct ss_err *err)
{
	AUTO_CONN struct ep_conn *c = ss_calloc(1, sizeof(*c));

	c->fd = -1;
	c->alpn = alpn;
	c->sender = s;
	if (io_dial(u->host, u->port, io_clock_steady_ms() + EP_CONNECT_MS, &c->fd, err) < 0)
		return -1;
	if (prepare(c, u, err) < 0 || shake_hands(c, err) < 0 || look_at_peer(c, err) < 0)
		return ss_ctx(err, "%s port %s", u->host, u->port);
	c->until_ms = io_clock_steady_ms() + EP_TALK_MS;
	*ret = TAKE_PTR(c);
	return 0;
}

int ep_conn_open(const struct ep_url *u, struct ep_conn **ret, struct ss_err *err)
{
	return open_conn(u, EP_ALPN, NULL, ret, err);
}

int ep_conn_open_as(const struct ep_url *u, const struct ep_sender *s, struct ep_conn **ret,
		    struct ss_err *err)
{
	return open_conn(u, EP_ALPN_SECRETS, s, ret, err);
}

void ep_conn_free(struct ep_conn *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl);
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c);
}

struct ss_span ep_conn_spki(const struct ep_conn *c)
{
	return (struct ss_span){ c->spki, c->n_spki };
}

int ep_conn_address(const struct ep_conn *c, struct sockaddr_storage *ret, unsigned *ret_n)
{
	socklen_t n = sizeof(*ret);

	if (getpeername(c->fd, (struct sockaddr *)ret, &n) != 0)
		return -1;
	*ret_n = n;
	return 0;
}

bool ep_conn_is_webpki(const struct ep_conn *c)
{
	return c->is_webpki;
}

bool ep_conn_has_own_roots(void)
{
	return getenv(X509_get_default_cert_file_env()) != NULL ||
	       getenv(X509_get_default_cert_dir_env()) != NULL;
}

/* --- bytes ----------------------------------------------------------------------------------- */

int ep_conn_write(struct ep_conn *c, struct ss_span s, struct ss_err *err)
{
	size_t n;

	while (s.n > 0) {
		int rc;

		errno = 0;
		rc = SSL_write_ex(c->ssl, s.p, s.n, &n);
		if (rc == 1)
			s = (struct ss_span){ s.p + n, s.n - n };
		else if (settle(c, rc, "cannot send", err) < 0)
			return -1;
	}
	return 0;
}

int ep_conn_read(struct ep_conn *c, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	int rc;

	for (;;) {
		errno = 0;
		rc = SSL_read_ex(c->ssl, p, n, ret_n);
		if (rc == 1)
			return 0;
		if (SSL_get_error(c->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
			*ret_n = 0;
			return 0;
		}
		if (settle(c, rc, "cannot receive", err) < 0)
			return -1;
	}
}
