/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_stream.h"

#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

struct ep_tls {
	SSL_CTX *ctx;
};

struct ep_stream {
	SSL *ssl;
};

int ep_tls_new(struct ep_tls **ret, struct ss_err *err)
{
	SSL_CTX *x = SSL_CTX_new(TLS_client_method());

	if (x == NULL || SSL_CTX_set_min_proto_version(x, TLS1_3_VERSION) != 1) {
		SSL_CTX_free(x);
		ERR_clear_error();
		return ss_fail(err, SS_ESYS, "cannot prepare TLS");
	}
	/* The key is compared, not the certificate: whoever has it may call it what he likes. */
	SSL_CTX_set_verify(x, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	*ret = ss_calloc(1, sizeof(**ret));
	(*ret)->ctx = x;
	return 0;
}

void ep_tls_free(struct ep_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

int ep_stream_new(struct ep_tls *t, const struct ep_url *u, int fd, struct ep_stream **ret,
		  struct ss_err *err)
{
	SSL *ssl = SSL_new(t->ctx);
	char name[sizeof(u->host)]; /* libssl's macro takes the const away, and copies */

	memcpy(name, u->host, sizeof(name));
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    (!u->is_address && SSL_set_tlsext_host_name(ssl, name) != 1)) {
		SSL_free(ssl);
		ERR_clear_error();
		return ss_fail(err, SS_ESYS, "cannot prepare TLS");
	}
	SSL_set_connect_state(ssl);
	*ret = ss_calloc(1, sizeof(**ret));
	(*ret)->ssl = ssl;
	return 0;
}

void ep_stream_free(struct ep_stream *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

/* What the last call of libssl lacked. The queue of errors is the thread's: empty before and after.
 */
static enum ep_step step_of(struct ep_stream *s, int rc)
{
	const int why = SSL_get_error(s->ssl, rc);

	ERR_clear_error();
	switch (why) {
	case SSL_ERROR_NONE:
		return EP_STEP_DONE;
	case SSL_ERROR_WANT_READ:
		return EP_STEP_READ;
	case SSL_ERROR_WANT_WRITE:
		return EP_STEP_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return EP_STEP_END;
	default:
		return EP_STEP_CUT;
	}
}

enum ep_step ep_stream_shake(struct ep_stream *s)
{
	return step_of(s, SSL_do_handshake(s->ssl));
}

bool ep_stream_has_key(const struct ep_stream *s, const struct ep_pin *p)
{
	X509 *cert = SSL_get1_peer_certificate(s->ssl);
	const X509_PUBKEY *k = cert != NULL ? X509_get_X509_PUBKEY(cert) : NULL;
	const int n = k != NULL ? i2d_X509_PUBKEY(k, NULL) : -1;
	uint8_t spki[EP_MAX_SPKI];
	uint8_t *to = spki;
	const bool same = n > 0 && (size_t)n == p->n_spki && i2d_X509_PUBKEY(k, &to) == n &&
			  memcmp(spki, p->spki, p->n_spki) == 0;

	X509_free(cert);
	ERR_clear_error();
	return same && SSL_is_init_finished(s->ssl) == 1;
}

enum ep_step ep_stream_read(struct ep_stream *s, uint8_t *p, size_t n, size_t *ret_n)
{
	return step_of(s, SSL_read_ex(s->ssl, p, n, ret_n));
}

enum ep_step ep_stream_write(struct ep_stream *s, struct ss_span bytes, size_t *ret_n)
{
	return step_of(s, SSL_write_ex(s->ssl, bytes.p, bytes.n, ret_n));
}

enum ep_step ep_stream_end(struct ep_stream *s)
{
	const int rc = SSL_shutdown(s->ssl);

	if (rc >= 0) /* 0: the peer has not said its own yet */
		return EP_STEP_DONE;
	return step_of(s, rc);
}
