/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "keyplane/kp_limits.h"
#include "keyplane/kp_tls_parts.h"

#include <openssl/err.h>
#include <string.h>

/* TLS 1.3's own, but for those of AES-CCM; hybrid first where the library knows it. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define GROUPS "X25519MLKEM768:X25519:P-256"
#else
#define GROUPS "X25519:P-256"
#endif

struct kp_stream {
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	struct mc_list alpn;
	enum kp_stream_state state;
	enum kp_protocol protocol; /* as the handshake has it so far */
	bool is_http1;
	uint8_t sender[BINDING_SHA256]; /* of KP_P_SECRETS */
	bool no_more;                   /* the wire has ended */
};

/* --- which protocol -------------------------------------------------------------------------- */

/* The client's list: names, each behind its length. libssl has checked its form. */
static const unsigned char *find_offer(const unsigned char *in, unsigned n, struct ss_span name)
{
	for (unsigned at = 0; at < n; at += 1u + in[at])
		if (in[at] == name.n && memcmp(in + at + 1, name.p, name.n) == 0)
			return in + at;
	return NULL;
}

/* The key decides, which the handshake proves; not who signed, nor until when. */
static int take_any(X509_STORE_CTX *x, void *arg)
{
	(void)x;
	(void)arg;
	return 1;
}

static void ask_for_sender(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
#ifdef SSL_OP_CLEANSE_PLAINTEXT
	(void)SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
#endif
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
		       const unsigned char *in, unsigned n, void *arg)
{
	const struct kp_tls *t = arg;
	struct kp_stream *s = SSL_get_app_data(ssl);
	const unsigned char *offer = find_offer(in, n, ss_text(KP_ALPN_SERVICE));
	struct mc_list list = s->alpn;
	struct ss_span name;

	s->protocol = offer != NULL ? KP_P_SERVICE : KP_P_APP;
	if (t->takes_secrets && n == 1u + in[0]) /* offered alone */
		offer = find_offer(in, n, ss_text(KP_ALPN_SECRETS));
	if (s->protocol == KP_P_APP && offer != NULL) {
		s->protocol = KP_P_SECRETS;
		ask_for_sender(ssl);
	}
	while (offer == NULL && mc_next_string(&list, &name))
		offer = find_offer(in, n, name);
	if (offer == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	*out = offer + 1;
	*n_out = offer[0];
	name = (struct ss_span){ offer + 1, offer[0] };
	s->is_http1 = ss_is(name, KP_ALPN_HTTP1);
	return SSL_TLSEXT_ERR_OK;
}

/* --- all of them --------------------------------------------------------------------------------
 */

static bool set_rules(SSL_CTX *x)
{
	char groups[] = GROUPS; /* libssl's macro takes a const away */

	if (SSL_CTX_set_min_proto_version(x, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(x, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(x, SUITES) != 1 || SSL_CTX_set1_groups_list(x, groups) != 1 ||
	    SSL_CTX_set_num_tickets(x, 0) != 1 || SSL_CTX_set_max_early_data(x, 0) != 1)
		return false;
	(void)SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(x, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					     SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(x, (long)KP_MAX_CLIENT_CERTS);
	SSL_CTX_set_cert_verify_callback(x, take_any, NULL);
	return true;
}

int kp_tls_new(struct ss_span entropy, struct kp_tls **ret, struct ss_err *err)
{
	AUTO_KP_TLS struct kp_tls *t = ss_calloc(1, sizeof(*t));

	t->chain = (struct ss_buf)SS_BUF_INIT(KP_MAX_CHAIN);
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (t->ctx == NULL || !set_rules(t->ctx))
		return kp_fail_tls(err, SS_ESYS, "cannot begin");
	SSL_CTX_set_alpn_select_cb(t->ctx, select_alpn, t);
	if (kp_key_new(t, entropy, err) < 0 || kp_cert_self_signed(t, err) < 0)
		return -1;
	*ret = TAKE_PTR(t);
	return 0;
}

void kp_tls_take_secrets(struct kp_tls *t)
{
	t->takes_secrets = true;
}

void kp_tls_free(struct kp_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	EVP_PKEY_free(t->key);
	ss_buf_done(&t->chain);
	free(t);
}

/* --- a stream -------------------------------------------------------------------------------- */

int kp_stream_new(struct kp_tls *t, struct mc_list alpn, struct kp_stream **ret, struct ss_err *err)
{
	struct kp_stream *s = ss_calloc(1, sizeof(*s));

	s->alpn = alpn;
	s->protocol = KP_P_APP; /* a client that offers nothing is not asked what it wants */
	s->is_http1 = true;
	s->ssl = SSL_new(t->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
		BIO_free(s->in);
		BIO_free(s->out);
		SSL_free(s->ssl);
		free(s);
		return kp_fail_tls(err, SS_ESYS, "no memory for a connection");
	}
	SSL_set_bio(s->ssl, s->in, s->out); /* which are its own now */
	SSL_set_app_data(s->ssl, s);
	SSL_set_accept_state(s->ssl);
	*ret = s;
	return 0;
}

void kp_stream_free(struct kp_stream *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

/* The last call of libssl gave nothing: more is needed, or it is over. */
static void settle(struct kp_stream *s, int rc)
{
	const int why = SSL_get_error(s->ssl, rc);

	ERR_clear_error();
	if (why == SSL_ERROR_ZERO_RETURN)
		s->state = KP_S_ENDED;
	else if (why != SSL_ERROR_WANT_READ || s->no_more)
		s->state = KP_S_CUT;
}

static bool keep_sender(struct kp_stream *s)
{
	const X509 *certificate = SSL_get0_peer_certificate(s->ssl);
	uint8_t *der = NULL;
	struct ss_err ignored;
	bool kept;
	int n;

	if (certificate == NULL)
		return false;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	kept = n > 0 && kp_sha256((struct ss_span){ der, (size_t)n }, s->sender, &ignored) == 0;
	OPENSSL_free(der);
	return kept;
}

enum kp_stream_state kp_stream_take(struct kp_stream *s, struct ss_span wire)
{
	int rc;

	if (wire.n == 0) {
		s->no_more = true;
		(void)BIO_set_mem_eof_return(s->in, 0);
	} else if (BIO_write(s->in, wire.p, (int)wire.n) != (int)wire.n) {
		s->state = KP_S_CUT;
	}
	if (s->state == KP_S_SHAKE) {
		ERR_clear_error();
		rc = SSL_do_handshake(s->ssl);
		if (rc != 1)
			settle(s, rc);
		else if (s->protocol != KP_P_SECRETS || keep_sender(s))
			s->state = KP_S_OPEN;
		else
			s->state = KP_S_CUT;
	}
	return s->state;
}

enum kp_stream_state kp_stream_state(const struct kp_stream *s)
{
	return s->state;
}

struct ss_span kp_stream_out(const struct kp_stream *s)
{
	char *p = NULL;
	const long n = BIO_get_mem_data(s->out, &p);

	return (struct ss_span){ (const uint8_t *)p, n > 0 ? (size_t)n : 0 };
}

void kp_stream_sent(struct kp_stream *s, size_t n)
{
	uint8_t gone[4096];

	while (n > 0) {
		const size_t step = n < sizeof(gone) ? n : sizeof(gone);

		if (BIO_read(s->out, gone, (int)step) != (int)step)
			break;
		n -= step;
	}
}

size_t kp_stream_read(struct kp_stream *s, uint8_t *p, size_t n)
{
	size_t have = 0, got = 0;
	int rc = 1;

	while (s->state == KP_S_OPEN && have < n && rc == 1) {
		ERR_clear_error();
		rc = SSL_read_ex(s->ssl, p + have, n - have, &got);
		if (rc == 1)
			have += got;
		else
			settle(s, rc);
	}
	return have;
}

bool kp_stream_write(struct kp_stream *s, struct ss_span plain)
{
	size_t n = 0;

	ERR_clear_error();
	/* The other direction may have ended in order; after a cut nothing is to be said. */
	if (s->state == KP_S_SHAKE || s->state == KP_S_CUT)
		return false;
	return plain.n == 0 || (SSL_write_ex(s->ssl, plain.p, plain.n, &n) == 1 && n == plain.n);
}

void kp_stream_end(struct kp_stream *s)
{
	ERR_clear_error();
	if (s->state == KP_S_OPEN || s->state == KP_S_ENDED)
		(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}

enum kp_protocol kp_stream_protocol(const struct kp_stream *s)
{
	return s->state == KP_S_SHAKE ? KP_P_NONE : s->protocol;
}

struct ss_span kp_stream_sender(const struct kp_stream *s)
{
	return (struct ss_span){ s->sender, sizeof(s->sender) };
}

bool kp_stream_is_http1(const struct kp_stream *s)
{
	return s->is_http1;
}
