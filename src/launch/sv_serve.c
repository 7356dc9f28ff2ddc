/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "launch/sv_parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * The supervisor's socket: each client asks one thing. What it is to be told is made when it takes
 * it, out of the stores, so that a slow client costs its buffer and holds up nobody; what it was
 * too slow for is counted and said. Only root and the owner may ask.
 */
#define ASK_MS 10000u            /* for the question to come */
#define FILL ((size_t)64 * 1024) /* a buffer with less in it gets more */

struct sv_client {
	LIST_ENTRY(sv_client) list;
	struct sv *s;
	struct loop_fd io;
	struct loop_timer limit;
	uint8_t in[TALK_MAX_ASK];
	size_t n_in;
	bool asked;
	struct talk ask;
	struct store_place place;
	struct ss_buf out;
	size_t sent;
	bool last; /* what is in `out` is all */
};

static void end_client(struct sv_client *c)
{
	struct sv *s = c->s;

	if (s->host != NULL) {
		host_scrape_cancel(s->host, c);
		host_cert_cancel(s->host, c);
	}
	loop_remove(s->loop, &c->io);
	loop_cancel(s->loop, &c->limit);
	(void)close(c->io.fd);
	ss_buf_done(&c->out);
	LIST_REMOVE(c, list);
	s->n_clients--;
	free(c);
}

static void put(struct sv_client *c, enum talk_type type, struct ss_span body)
{
	const struct talk t = { .type = type, .body = body };

	talk_write(&t, &c->out);
}

static void put_json(struct sv_client *c, enum talk_type type, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	assert(text != NULL);
	put(c, type, (struct ss_span){ (const uint8_t *)text, strlen(text) });
	free(text);
}

static void put_lost(struct sv_client *c, uint64_t lines)
{
	const struct frame f = { .type = FRAME_LOST, .lost.lines = lines };
	uint8_t raw[FRAME_HEAD + 16];
	struct ss_buf b = SS_BUF_OVER(raw);

	frame_write(&f, &b);
	put(c, TALK_FRAME, ss_buf_span(&b));
}

/* As much of the store as the buffer takes. True: all that there is. */
static bool fill(struct sv_client *c, const struct store *from, enum talk_type type)
{
	uint64_t lost;
	size_t n;

	while (c->out.n - c->sent < FILL) {
		if (!store_next(from, &c->place, c->s->record, &n, &lost))
			return true;
		if (lost > 0 && type == TALK_FRAME)
			put_lost(c, lost);
		put(c, type, (struct ss_span){ c->s->record, n });
	}
	return false;
}

/* Sends what there is. False: the client has gone. */
static bool flush(struct sv_client *c)
{
	while (c->sent < c->out.n) {
		const ssize_t n = send(c->io.fd, c->out.p + c->sent, c->out.n - c->sent,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return false;
		c->sent += (size_t)n;
	}
	if (c->sent == c->out.n) {
		ss_buf_done(&c->out);
		c->out = (struct ss_buf)SS_BUF_INIT(SV_CLIENT_OUT);
		c->sent = 0;
	}
	return true;
}

static bool follows(const struct sv_client *c)
{
	return c->asked && (c->ask.type == TALK_LOGS || c->ask.type == TALK_CONSOLE);
}

/* More of what the client follows. True: there is no more now. */
static bool add_more(struct sv_client *c)
{
	bool all;

	if (!follows(c) || c->last)
		return true;
	all = c->ask.type == TALK_LOGS ? fill(c, &c->s->lines, TALK_FRAME)
				       : fill(c, &c->s->console_store, TALK_BYTES);
	c->last = all && (!c->ask.follow || c->s->machine_ended);
	if (c->last)
		put(c, TALK_DONE, (struct ss_span){ NULL, 0 });
	return all;
}

/* Out with what there is, as long as the client takes it. */
static void go_on(struct sv_client *c)
{
	bool all;

	do {
		all = add_more(c);
		if (!flush(c)) {
			end_client(c);
			return;
		}
	} while (!all && c->out.n == 0);
	if (c->last && c->out.n == 0)
		end_client(c);
	else
		loop_want(c->s->loop, &c->io, c->out.n > 0 ? (uint32_t)EPOLLOUT : 0u);
}

static void on_text(void *ctx, struct ss_span text)
{
	struct sv_client *c = ctx;

	put(c, TALK_TEXT, text);
	c->last = true;
	go_on(c);
}

static void on_cert(void *ctx, const struct host_cert_said *said)
{
	struct sv_client *c = ctx;
	AUTO_BUF struct ss_buf why = SS_BUF_INIT(TALK_MAX_BODY);

	if (said->why == NULL) {
		put(c, c->ask.type == TALK_CSR ? TALK_BYTES : TALK_DONE, said->csr);
	} else {
		ss_buf_put(&why, (struct ss_span){ (const uint8_t[1]){ said->is_input }, 1 });
		ss_buf_put(&why, ss_text(said->why));
		put(c, TALK_REFUSED, ss_buf_span(&why));
	}
	c->last = true;
	go_on(c);
}

static void answer(struct sv_client *c)
{
	const struct sv_status status = sv_status(c->s);
	json_t *o;

	switch (c->ask.type) {
	case TALK_DESCRIBE:
		o = sv_describe(c->s->p, &status);
		put_json(c, TALK_DESCRIPTION, o);
		json_decref(o);
		c->last = true;
		break;
	case TALK_STOP:
		sv_stop(c->s, c->ask.grace_ms);
		break; /* END follows */
	case TALK_METRICS:
		host_scrape(c->s->host, on_text, c);
		return;
	case TALK_CSR:
		host_csr(c->s->host, c->ask.body, on_cert, c);
		return;
	case TALK_CHAIN:
		host_chain(c->s->host, c->ask.body, on_cert, c);
		return;
	case TALK_LOGS:
	case TALK_CONSOLE:
		break;
	case TALK_DESCRIPTION:
	case TALK_END:
	case TALK_FRAME:
	case TALK_BYTES:
	case TALK_TEXT:
	case TALK_DONE:
	case TALK_REFUSED:
		end_client(c); /* an answer is no question */
		return;
	}
	go_on(c);
}

static void take_question(struct sv_client *c)
{
	const ssize_t n = recv(c->io.fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);
	struct ss_err err = { 0 };
	size_t size;
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->n_in += n > 0 ? (size_t)n : 0;
	rc = n > 0 ? talk_read((struct ss_span){ c->in, c->n_in }, &c->ask, &size, &err) : -1;
	if (rc < 0 || (rc == 0 && c->n_in == sizeof(c->in)) ||
	    (rc > 0 && c->ask.type == TALK_STOP && c->ask.grace_ms > SV_MAX_GRACE_MS)) {
		end_client(c);
		return;
	}
	if (rc == 0)
		return;
	c->asked = true;
	loop_cancel(c->s->loop, &c->limit);
	loop_want(c->s->loop, &c->io, 0);
	answer(c);
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct sv_client *c = LOOP_OWNER(f, struct sv_client, io);

	if (!c->asked)
		take_question(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		end_client(c);
	else
		go_on(c);
}

static void on_limit(struct loop_timer *t)
{
	end_client(LOOP_OWNER(t, struct sv_client, limit));
}

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void on_call(struct loop_fd *f, uint32_t events)
{
	struct sv *s = LOOP_OWNER(f, struct sv, listener);
	const int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ss_err err = { 0 };
	struct sv_client *c;

	(void)events;
	if (fd < 0)
		return;
	if (s->n_clients == SV_MAX_CLIENTS || !may_ask(fd)) {
		(void)close(fd);
		return;
	}
	c = ss_calloc(1, sizeof(*c));
	c->s = s;
	c->io = (struct loop_fd){ .fd = fd, .on = on_io };
	c->limit.on = on_limit;
	c->out = (struct ss_buf)SS_BUF_INIT(SV_CLIENT_OUT);
	LIST_INSERT_HEAD(&s->clients, c, list);
	s->n_clients++;
	loop_after(s->loop, &c->limit, ASK_MS);
	if (loop_add(s->loop, &c->io, EPOLLIN, &err) < 0)
		end_client(c);
}

int sv_serve_start(struct sv *s, struct ss_err *err)
{
	int fd;

	if (rundir_listen(&s->p->claim, &fd, err) < 0)
		return -1;
	s->listener = (struct loop_fd){ .fd = fd, .on = on_call };
	return loop_add(s->loop, &s->listener, EPOLLIN, err);
}

/* Each client once, whoever of them goes on the way. */
static void each(struct sv *s, void (*visit)(struct sv_client *c))
{
	struct sv_client *c = LIST_FIRST(&s->clients);

	while (c != NULL) {
		struct sv_client *next = LIST_NEXT(c, list);

		visit(c);
		c = next;
	}
}

static void more(struct sv_client *c)
{
	if (follows(c) && c->out.n == 0 && !c->last)
		go_on(c);
}

void sv_serve_more(struct sv *s)
{
	each(s, more);
}

static bool waits_for_enclave(const struct sv_client *c)
{
	return c->ask.type == TALK_METRICS || c->ask.type == TALK_CSR || c->ask.type == TALK_CHAIN;
}

static void last_word(struct sv_client *c)
{
	const struct sv_status status = sv_status(c->s);
	json_t *o;

	if (!c->asked || (waits_for_enclave(c) && !c->last)) {
		end_client(c);
		return;
	}
	if (c->ask.type == TALK_STOP && !c->last) {
		o = sv_describe(c->s->p, &status);
		sv_describe_end(o, &c->s->end);
		put_json(c, TALK_END, o);
		json_decref(o);
		c->last = true;
	}
	go_on(c);
}

void sv_serve_end(struct sv *s)
{
	each(s, last_word);
}

bool sv_serve_is_idle(const struct sv *s)
{
	return LIST_EMPTY(&s->clients);
}

void sv_serve_close(struct sv *s)
{
	if (s->listener.fd < 0)
		return;
	loop_remove(s->loop, &s->listener);
	(void)close(ss_take_fd(&s->listener.fd));
}

void sv_serve_done(struct sv *s)
{
	each(s, end_client);
	sv_serve_close(s);
}
