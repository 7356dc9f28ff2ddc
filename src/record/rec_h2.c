/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "record/rec_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define STREAMS_MAX 32u
#define BLOCK 16384u
#define ANSWER_HEAD_MAX ((size_t)512 * 1024) /* of our own answers: more than they can have */
#define FIELDS_OUT_MAX 128u

/*
 * HTTP/2 for steps that insist on it. Each stream becomes a request of HTTP/1.1 to a connection of
 * the recorder's own (a socket pair, a thread), so there is one way in which requests are judged,
 * recorded and answered. Bytes move when there is room for them on the other side: windows open
 * towards the step as the request is taken, and answers are read when they can be sent.
 */

struct stream {
	int32_t id;
	int fd; /* to the recorder; -1 = not yet */
	bool is_head;
	struct ss_buf method, path, host, fields;
	struct ss_buf out; /* the request, on its way; */
	size_t out_at;
	size_t taken;     /* bytes of DATA in it, for which the window is to open */
	struct ss_buf in; /* the answer's head, and what came with it; */
	size_t in_at;
	uint64_t left; /* of its body */
	bool answered;
	bool waiting; /* for more of its body */
};

struct h2 {
	struct rec_conn *c;
	nghttp2_session *session;
	struct stream *v[STREAMS_MAX];
	const uint8_t *out; /* the session's, not yet written */
	size_t out_n;
};

static void put_text(struct ss_buf *b, const char *s)
{
	ss_buf_put(b, ss_text(s));
}

/* --- streams -------------------------------------------------------------------------------------
 */

static void stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	ss_closep(&s->fd);
	ss_buf_done(&s->method);
	ss_buf_done(&s->path);
	ss_buf_done(&s->host);
	ss_buf_done(&s->fields);
	ss_buf_done(&s->out);
	ss_buf_done(&s->in);
	free(s);
}

static struct stream *find(struct h2 *h, int32_t id)
{
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (h->v[i] != NULL && h->v[i]->id == id)
			return h->v[i];
	return NULL;
}

static int reset(struct h2 *h, int32_t id, uint32_t code)
{
	return nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, code) == 0
		       ? 0
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
	struct h2 *h = ctx;
	struct stream *s;
	size_t i = 0;

	(void)session;
	if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	while (i < STREAMS_MAX && h->v[i] != NULL)
		i++;
	if (i == STREAMS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	s = ss_calloc(1, sizeof(*s));
	*s = (struct stream){ .id = f->hd.stream_id,
			      .fd = -1,
			      .method = SS_BUF_INIT(32),
			      .path = SS_BUF_INIT(REC_HEAD_MAX),
			      .host = SS_BUF_INIT(512),
			      .fields = SS_BUF_INIT(REC_HEAD_MAX),
			      .out = SS_BUF_INIT((size_t)4 * REC_HEAD_MAX + (size_t)16 * BLOCK),
			      .in = SS_BUF_INIT(ANSWER_HEAD_MAX) };
	h->v[i] = s;
	return 0;
}

/* What is about the connection is ours to say. The library lets no name or value through that could
 * end a line. */
/* NOLINTNEXTLINE(readability-function-size): the library's eight parameters */
static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
	const struct ss_span n = { name, name_n }, v = { value, value_n };
	struct stream *s = find(ctx, f->hd.stream_id);

	(void)session;
	(void)flags;
	if (s == NULL || s->fd >= 0)
		return 0;
	if (ss_is(n, ":method")) {
		ss_buf_put(&s->method, v);
	} else if (ss_is(n, ":path")) {
		ss_buf_put(&s->path, v);
	} else if (ss_is(n, ":authority") || (ss_is(n, "host") && s->host.n == 0)) {
		ss_buf_put(&s->host, v);
	} else if (!ss_begins(n, ":") && !ss_is(n, "content-length") && !ss_is(n, "expect") &&
		   !ss_is(n, "te") && !ss_is(n, "host")) {
		ss_buf_put(&s->fields, n);
		put_text(&s->fields, ": ");
		ss_buf_put(&s->fields, v);
		put_text(&s->fields, "\r\n");
	}
	return 0;
}

/* --- the request ---------------------------------------------------------------------------------
 */

/* As much as the recorder takes now; the windows open by as much as it took. */
static void flush(struct h2 *h, struct stream *s)
{
	while (s->fd >= 0 && s->out_at < s->out.n) {
		const ssize_t n = send(s->fd, s->out.p + s->out_at, s->out.n - s->out_at,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			s->out_at = s->out.n; /* it has answered, and hears no more */
		else
			s->out_at += (size_t)n;
	}
	s->out.n = 0;
	s->out_at = 0;
	if (s->taken > 0)
		(void)nghttp2_session_consume(h->session, s->id, s->taken);
	s->taken = 0;
}

static bool write_head(struct stream *s, bool has_body)
{
	ss_buf_put(&s->out, ss_buf_span(&s->method));
	put_text(&s->out, " ");
	ss_buf_put(&s->out, ss_buf_span(&s->path));
	put_text(&s->out, " HTTP/1.1\r\nHost: ");
	ss_buf_put(&s->out, ss_buf_span(&s->host));
	put_text(&s->out, "\r\n");
	ss_buf_put(&s->out, ss_buf_span(&s->fields));
	if (has_body)
		put_text(&s->out, "Transfer-Encoding: chunked\r\n");
	put_text(&s->out, "Connection: close\r\n\r\n");
	return s->path.n > 0 && s->path.p[0] == '/' && !s->method.bad && !s->path.bad &&
	       !s->host.bad && !s->fields.bad && !s->out.bad;
}

static int begin_request(struct h2 *h, struct stream *s, bool has_body)
{
	int pair[2];

	s->is_head = ss_is(ss_buf_span(&s->method), "HEAD");
	if (!write_head(s, has_body))
		return reset(h, s->id, NGHTTP2_PROTOCOL_ERROR);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return reset(h, s->id, NGHTTP2_REFUSED_STREAM);
	if (!rec_begin_part(h->c, pair[1])) {
		(void)close(pair[0]);
		return reset(h, s->id, NGHTTP2_REFUSED_STREAM);
	}
	s->fd = pair[0];
	flush(h, s);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
		   void *ctx)
{
	struct h2 *h = ctx;
	struct stream *s = find(h, id);
	char size[24];

	(void)session;
	(void)flags;
	if (s == NULL || s->fd < 0) {
		(void)nghttp2_session_consume(h->session, id, n);
		return 0;
	}
	if (n == 0)
		return 0;
	(void)snprintf(size, sizeof(size), "%zx\r\n", n);
	put_text(&s->out, size);
	ss_buf_put(&s->out, (struct ss_span){ p, n });
	put_text(&s->out, "\r\n");
	s->taken += n;
	if (s->out.bad)
		return reset(h, id, NGHTTP2_ENHANCE_YOUR_CALM);
	flush(h, s);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
	struct h2 *h = ctx;
	struct stream *s = find(h, f->hd.stream_id);
	const bool end = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	int rc = 0;

	(void)session;
	if (s == NULL)
		return 0;
	if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST)
		return begin_request(h, s, !end);
	/* The end of a body, or trailers behind it. */
	if ((f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS) && end && s->fd >= 0) {
		put_text(&s->out, "0\r\n\r\n");
		if (s->out.bad)
			rc = reset(h, s->id, NGHTTP2_ENHANCE_YOUR_CALM);
		flush(h, s);
	}
	return rc;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
	struct h2 *h = ctx;

	(void)session;
	(void)code;
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (h->v[i] != NULL && h->v[i]->id == id) {
			stream_free(h->v[i]);
			h->v[i] = NULL;
		}
	return 0;
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *p, size_t n,
			 uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct stream *s = find(ctx, id);
	ssize_t got;

	(void)session;
	(void)source;
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = n < s->left ? n : (size_t)s->left;
	if (s->in_at < s->in.n) {
		got = (ssize_t)(n < s->in.n - s->in_at ? n : s->in.n - s->in_at);
		memcpy(p, s->in.p + s->in_at, (size_t)got);
		s->in_at += (size_t)got;
	} else {
		got = recv(s->fd, p, n, MSG_DONTWAIT);
		s->waiting = got < 0 && errno == EAGAIN;
		if (s->waiting)
			return NGHTTP2_ERR_DEFERRED;
		if (got <= 0) /* it ends early: so does the stream */
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	s->left -= (uint64_t)got;
	if (s->left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return got;
}

/* One line of our own head as a field, its name in lower case; false: it is not for HTTP/2. */
static bool read_field(struct stream *s, uint8_t *line, size_t n, nghttp2_nv *ret)
{
	uint8_t *colon = memchr(line, ':', n);
	size_t name_n;

	if (colon == NULL || line + n - colon < 2)
		return false;
	name_n = (size_t)(colon - line);
	for (size_t i = 0; i < name_n; i++)
		if (line[i] >= 'A' && line[i] <= 'Z')
			line[i] = (uint8_t)(line[i] - 'A' + 'a');
	*ret = (nghttp2_nv){ line, colon + 2, name_n, n - name_n - 2, NGHTTP2_NV_FLAG_NONE };
	if (ss_is((struct ss_span){ line, name_n }, "content-length")) {
		s->left = 0;
		for (size_t i = name_n + 2; i < n; i++)
			s->left = s->left * 10 + (uint64_t)(line[i] - '0');
	}
	return !ss_is((struct ss_span){ line, name_n }, "connection");
}

/* The head is whole: `end` is behind its last line. */
static bool submit(struct h2 *h, struct stream *s, size_t end)
{
	static uint8_t status_name[] = ":status";
	const nghttp2_data_provider body = { .read_callback = read_body };
	nghttp2_nv v[FIELDS_OUT_MAX];
	uint8_t *at = memchr(s->in.p, '\n', end);
	size_t n = 1;

	/* "HTTP/1.1 200 OK" */
	v[0] = (nghttp2_nv){ status_name, s->in.p + 9, 7, 3, NGHTTP2_NV_FLAG_NONE };
	while (at != NULL && n < FIELDS_OUT_MAX) {
		uint8_t *line = at + 1;

		at = memchr(line, '\n', (size_t)(s->in.p + end - line));
		if (at != NULL && at - line > 1 &&
		    read_field(s, line, (size_t)(at - line) - 1, &v[n]))
			n++;
	}
	s->in_at = end;
	s->answered = true;
	if (s->is_head || memcmp(s->in.p + 9, "204", 3) == 0 || memcmp(s->in.p + 9, "304", 3) == 0)
		s->left = 0;
	return nghttp2_submit_response(h->session, s->id, v, n, s->left > 0 ? &body : NULL) == 0;
}

static bool read_answer(struct h2 *h, struct stream *s)
{
	uint8_t block[BLOCK];
	const uint8_t *end;
	ssize_t n;

	n = recv(s->fd, block, sizeof(block), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n > 0)
		ss_buf_put(&s->in, (struct ss_span){ block, (size_t)n });
	if (n <= 0 || s->in.bad)
		return reset(h, s->id, NGHTTP2_INTERNAL_ERROR) == 0;
	end = memmem(s->in.p, s->in.n, "\r\n\r\n", 4);
	if (end == NULL)
		return true;
	return s->in.n < 13 || submit(h, s, (size_t)(end - s->in.p) + 4);
}

static bool move(struct h2 *h, struct stream *s, short events)
{
	if ((events & POLLOUT) != 0)
		flush(h, s);
	if ((events & (POLLIN | POLLHUP | POLLERR)) == 0)
		return true;
	if (!s->answered)
		return read_answer(h, s);
	if (!s->waiting)
		return true;
	s->waiting = false;
	return nghttp2_session_resume_data(h->session, s->id) == 0;
}

/* --- the connection ------------------------------------------------------------------------------
 */

/* All that can be written now; false: the step has gone. */
static bool write_out(struct h2 *h)
{
	for (;;) {
		ssize_t n;

		if (h->out_n == 0) {
			n = nghttp2_session_mem_send(h->session, &h->out);
			if (n < 0)
				return false;
			h->out_n = (size_t)n;
		}
		if (h->out_n == 0)
			return true;
		n = rec_tls_write(h->c->tls, (struct ss_span){ h->out, h->out_n });
		if (n <= 0)
			return rec_tls_waits(h->c->tls);
		h->out += n;
		h->out_n -= (size_t)n;
	}
}

static bool read_in(struct h2 *h)
{
	uint8_t block[BLOCK];

	for (;;) {
		const ssize_t n = rec_tls_read(h->c->tls, block, sizeof(block));

		if (n <= 0)
			return rec_tls_waits(h->c->tls);
		if (nghttp2_session_mem_recv(h->session, block, (size_t)n) < 0)
			return false;
	}
}

static bool turn(struct h2 *h)
{
	struct pollfd p[STREAMS_MAX + 1] = { { h->c->fd, POLLIN, 0 } };
	struct stream *of[STREAMS_MAX];
	size_t n = 0;

	if (h->out_n > 0)
		p[0].events |= POLLOUT;
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *s = h->v[i];
		short events = 0;

		if (s == NULL || s->fd < 0)
			continue;
		if (s->out_at < s->out.n)
			events |= POLLOUT;
		if (!s->answered || s->waiting)
			events |= POLLIN;
		if (events == 0)
			continue;
		of[n] = s;
		p[++n] = (struct pollfd){ s->fd, events, 0 };
	}
	if (poll(p, n + 1, -1) < 0)
		return errno == EINTR;
	for (size_t i = 0; i < n; i++)
		if (p[i + 1].revents != 0 && !move(h, of[i], p[i + 1].revents))
			return false;
	if ((p[0].revents & ~POLLOUT) != 0 && !read_in(h))
		return false;
	return write_out(h);
}

static bool open_session(struct h2 *h)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, REC_HEAD_MAX },
	};
	nghttp2_session_callbacks *on = NULL;
	nghttp2_option *option = NULL;
	bool ok = nghttp2_session_callbacks_new(&on) == 0 && nghttp2_option_new(&option) == 0;

	if (ok) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(on, on_begin);
		nghttp2_session_callbacks_set_on_header_callback(on, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
		nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
		nghttp2_session_callbacks_set_on_stream_close_callback(on, on_close);
		nghttp2_option_set_no_auto_window_update(option, 1);
		ok = nghttp2_session_server_new2(&h->session, on, h, option) == 0 &&
		     nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
					     SS_NELEMS(settings)) == 0;
	}
	nghttp2_session_callbacks_del(on);
	nghttp2_option_del(option);
	return ok;
}

void rec_h2_serve(struct rec_conn *c)
{
	struct h2 h = { .c = c };

	(void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (open_session(&h) && read_in(&h) && write_out(&h))
		while (!rec_is_stopping(c->r) &&
		       (nghttp2_session_want_read(h.session) != 0 ||
			nghttp2_session_want_write(h.session) != 0 || h.out_n > 0) &&
		       turn(&h))
			continue;
	nghttp2_session_del(h.session);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		stream_free(h.v[i]);
}
