/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The other end of a TLS connection, in the same thread: a listener on loopback, a key on P-256 and
 * what of libssl a test wants to see. Nothing waits for more than it is told. */

#include "expect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_peer {
	SSL_CTX *ctx;
	EVP_PKEY *key;
	int listener;
	struct sockaddr_in address;
	int fd; /* of the one connection; -1: none yet */
	SSL *ssl;
	bool shaken;
	bool offered_alpn;
	char name[256]; /* SNI; "" = none */
};

static inline void tls_peer_certify(struct tls_peer *p, const char *subject)
{
	X509 *x = X509_new();
	X509_NAME *name;

	assert_non_null(x);
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	assert_int_equal(X509_set_pubkey(x, p->key), 1);
	name = X509_get_subject_name(x);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
						    (const unsigned char *)subject, -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_true(X509_sign(x, p->key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(p->ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p->ctx, p->key), 1);
	X509_free(x);
}

static inline int tls_peer_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
				   const unsigned char *in, unsigned n, void *arg)
{
	struct tls_peer *p = arg;

	(void)ssl;
	(void)out;
	(void)n_out;
	(void)in;
	(void)n;
	p->offered_alpn = true;
	return SSL_TLSEXT_ERR_NOACK;
}

/* Of a listener that has a port already: its address is there to connect to. */
static inline void tls_peer_open(struct tls_peer *p, const char *subject)
{
	socklen_t n = sizeof(p->address);

	*p = (struct tls_peer){ .fd = -1, .key = EVP_EC_gen("P-256") };
	assert_non_null(p->key);
	p->ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(p->ctx);
	(void)SSL_CTX_set_mode(p->ctx,
			       SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(p->ctx, tls_peer_on_alpn, p);
	tls_peer_certify(p, subject);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	p->address.sin_family = AF_INET;
	p->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&p->address, sizeof(p->address)), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&p->address, &n), 0);
	assert_int_equal(listen(p->listener, 8), 0);
}

/* The SubjectPublicKeyInfo, of `max` bytes at most. */
static inline size_t tls_peer_spki(const struct tls_peer *p, uint8_t *ret, size_t max)
{
	const int n = i2d_PUBKEY(p->key, NULL);
	unsigned char *to = ret;

	assert_true(n > 0 && (size_t)n <= max);
	assert_int_equal(i2d_PUBKEY(p->key, &to), n);
	return (size_t)n;
}

static inline void tls_peer_take(struct tls_peer *p)
{
	if (p->fd >= 0)
		return;
	p->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (p->fd < 0)
		return;
	p->ssl = SSL_new(p->ctx);
	assert_non_null(p->ssl);
	assert_int_equal(SSL_set_fd(p->ssl, p->fd), 1);
	SSL_set_accept_state(p->ssl);
}

/* As far as it goes now. */
static inline void tls_peer_shake(struct tls_peer *p)
{
	const char *name;

	tls_peer_take(p);
	if (p->ssl == NULL || p->shaken || SSL_do_handshake(p->ssl) != 1)
		return;
	p->shaken = true;
	name = SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name);
	(void)snprintf(p->name, sizeof(p->name), "%s", name != NULL ? name : "");
}

/* Leaves as one who was cut off: no close_notify. */
static inline void tls_peer_cut(struct tls_peer *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}

static inline void tls_peer_close(struct tls_peer *p)
{
	tls_peer_cut(p);
	(void)close(p->listener);
	SSL_CTX_free(p->ctx);
	EVP_PKEY_free(p->key);
}
