/* SPDX-License-Identifier: Apache-2.0 */
#include "io/fetch.h"

#include "base/mem.h"
#include "io/address.h"
#include "io/file.h"

#include <assert.h>
#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_LINES_MAX 512u
#define CONNECT_TIMEOUT_S 30L
#define STALL_S 60u
#define PROXY_PORT "1080" /* the library's, where a proxy's URL has none */

struct exchange {
	const struct io_fetch *f;
	CURL *curl;
	struct curl_slist *headers;
	uint64_t body_at;
	unsigned status;
	unsigned lines;
	unsigned lengths; /* Content-Length fields */
	bool has_length;
	uint64_t length;
	bool begun;              /* the head is whole */
	bool failed;             /* a callback, or the head: *err says why */
	struct ss_err unreached; /* why an address was left out; msg "" = none was */
	struct ss_err *err;
};

static void exchange_done(struct exchange *x)
{
	curl_easy_cleanup(x->curl);
	curl_slist_free_all(x->headers);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
	assert(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* --- what comes --------------------------------------------------------------------------------
 */

static struct ss_span trim(struct ss_span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL && s.p[s.n - 1] != 0)
		s.n--;
	return s;
}

static int head_line(struct exchange *x, struct ss_span line)
{
	const uint8_t *colon;
	curl_off_t length = -1;
	long status = 0;

	if (x->begun) /* trailers: nobody asked for them */
		return 0;
	if (++x->lines > HEAD_LINES_MAX)
		return ss_fail(x->err, SS_EREMOTE, "the answer's head is too long");
	if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
		(void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
		x->status = status > 0 ? (unsigned)status : 0;
		x->lengths = 0;
		return 0;
	}
	line = trim(line);
	if (x->status < 200) /* "100 Continue" and the like */
		return 0;
	if (line.n == 0) {
		x->begun = true;
		if (curl_easy_getinfo(x->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) ==
			    CURLE_OK &&
		    length >= 0) {
			x->has_length = true;
			x->length = (uint64_t)length;
		}
		return x->f->begin(x->f->ctx, x->status, x->has_length, x->length, x->err);
	}
	colon = memchr(line.p, ':', line.n);
	if (colon == NULL)
		return ss_fail(x->err, SS_EREMOTE, "a line of the answer's head is no field");
	if (colon - line.p == 14 && strncasecmp((const char *)line.p, "content-length", 14) == 0 &&
	    x->lengths++ > 0)
		return ss_fail(x->err, SS_EREMOTE, "the answer has two lengths");
	return x->f->field(
		x->f->ctx, (struct ss_span){ line.p, (size_t)(colon - line.p) },
		trim((struct ss_span){ colon + 1, (size_t)(line.p + line.n - colon - 1) }), x->err);
}

static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	if (!x->failed)
		x->failed = head_line(x, (struct ss_span){ (const uint8_t *)p, size * n }) < 0;
	return x->failed ? 0 : size * n;
}

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	if (!x->failed)
		x->failed = x->f->bytes(x->f->ctx, (struct ss_span){ (const uint8_t *)p, size * n },
					x->err) < 0;
	return x->failed ? 0 : size * n;
}

/* --- what goes ---------------------------------------------------------------------------------
 */

static size_t on_send(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	const uint64_t left = x->f->body_size - x->body_at;
	size_t want = left < size * n ? (size_t)left : size * n;

	if (io_pread_full(x->f->body_fd, x->body_at, (uint8_t *)p, want, &want, x->err) < 0) {
		x->failed = true;
		return CURL_READFUNC_ABORT;
	}
	x->body_at += want;
	return want;
}

static int on_seek(void *ctx, curl_off_t at, int origin)
{
	struct exchange *x = ctx;

	if (origin != SEEK_SET || at < 0 || (uint64_t)at > x->f->body_size)
		return CURL_SEEKFUNC_FAIL;
	x->body_at = (uint64_t)at;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return x->f->stopped != NULL && x->f->stopped(x->f->ctx);
}

/* --- whom it connects to ------------------------------------------------------------------------
 */

/* Whether an address is the one of a proxy. A scheme that the library does not know is none. */
static bool is_proxy_at(const char *url, const uint8_t address[16], uint16_t port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	CURLU *u = curl_url();
	char *host = NULL, *service = NULL;
	struct addrinfo *found = NULL;
	bool same = false;
	int rc = -1;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		rc = getaddrinfo(host,
				 curl_url_get(u, CURLUPART_PORT, &service, 0) == CURLUE_OK
					 ? service
					 : PROXY_PORT,
				 &hints, &found);
	for (const struct addrinfo *a = found; a != NULL && !same; a = a->ai_next) {
		uint8_t its[16];
		uint16_t its_port;

		same = io_address_of(a->ai_addr, a->ai_addrlen, its, &its_port) &&
		       memcmp(its, address, sizeof(its)) == 0 && its_port == port;
	}
	if (rc == 0)
		freeaddrinfo(found);
	curl_free(host);
	curl_free(service);
	curl_url_cleanup(u);
	return same;
}

/* The library's own list of variables; which of them counts for this URL does not matter. */
static bool is_proxy(const uint8_t address[16], uint16_t port)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					     "all_proxy", "ALL_PROXY" };
	bool is = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !is; i++) {
		const char *url = getenv(names[i]);

		is = url != NULL && url[0] != '\0' && is_proxy_at(url, address, port);
	}
	return is;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct exchange *x = ctx;
	struct ss_err why = { 0 };
	uint8_t address[16];
	uint16_t port;

	(void)purpose;
	if (!io_address_of(&a->addr, (socklen_t)a->addrlen, address, &port))
		return CURL_SOCKET_BAD;
	if (x->f->reach != NULL && x->f->reach(x->f->ctx, address, &why) < 0 &&
	    !is_proxy(address, port)) {
		x->unreached = why;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* --- the exchange ------------------------------------------------------------------------------
 */

static bool set_request(struct exchange *x)
{
	const struct io_fetch *f = x->f;
	CURL *c = x->curl;
	bool ok = true;

	for (size_t i = 0; f->headers[i] != NULL; i++) {
		struct curl_slist *l = curl_slist_append(x->headers, f->headers[i]);

		assert(l != NULL); /* no memory */
		x->headers = l;
	}
	ok = ok && curl_easy_setopt(c, CURLOPT_URL, f->url) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK;
	if (strcmp(f->method, "HEAD") == 0)
		return ok && curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (f->body_fd < 0 && strcmp(f->method, "POST") != 0)
		return ok;
	ok = ok && curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, f->method) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_READDATA, x) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK;
	ok = ok && curl_easy_setopt(c, CURLOPT_SEEKDATA, x) == CURLE_OK;
	return ok && curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body_size) ==
			     CURLE_OK;
}

static bool set_rules(struct exchange *x, char *why)
{
	const struct io_fetch *f = x->f;
	CURL *c = x->curl;
	const long stall = (long)(f->stall_s > 0 ? f->stall_s : STALL_S);
	unsigned bad = 0;

	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	bad |= (unsigned)curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	if (f->ca_file != NULL)
		bad |= (unsigned)curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
	return bad == 0;
}

int io_fetch_run(const struct io_fetch *f, struct ss_err *err)
{
	SS_CLEANUP(exchange_done) struct exchange x = { .f = f, .err = err };
	char why[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	(void)pthread_once(&once, init_library);
	x.curl = curl_easy_init();
	if (x.curl == NULL || !set_rules(&x, why) || !set_request(&x))
		return ss_fail(err, SS_ESYS, "libcurl cannot be set up for this request");
	rc = curl_easy_perform(x.curl);
	if (x.failed)
		return -1;
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return ss_fail(err, SS_ESYS, "stopped");
	if (rc == CURLE_COULDNT_CONNECT && x.unreached.msg[0] != '\0') {
		*err = x.unreached;
		return -1;
	}
	if (rc != CURLE_OK)
		return ss_fail(err, SS_EREMOTE, "%s",
			       why[0] != '\0' ? why : curl_easy_strerror(rc));
	if (!x.begun)
		return ss_fail(err, SS_EREMOTE, "the answer ends in its head");
	return 0;
}
