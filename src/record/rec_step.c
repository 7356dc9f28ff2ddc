/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "fmt/dns.h"
#include "record/rec_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The doors of one step: a thread that takes its connections, tells names, and counts datagrams. */

struct rec_step {
	struct recorder *r;
	size_t number;
	int doors[IO_DOORS];
	int wake[2]; /* a byte: stop */
	pthread_t thread;
	bool running;
};

/* --- datagrams -----------------------------------------------------------------------------------
 */

struct datagram {
	uint8_t bytes[DNS_MAX_MESSAGE + 1];
	size_t n;
	struct sockaddr_in6 from;
	uint8_t info[CMSG_SPACE(sizeof(struct in6_pktinfo))]; /* whom it was for, */
	size_t info_n;                                        /* as it is given back */
	uint8_t to[16];
	uint16_t port;
};

/* What the kernel says beside the bytes. Of a socket of both families IPv4 comes in both forms. */
static void read_beside(struct msghdr *m, struct datagram *d)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		const bool v6 = h->cmsg_level == IPPROTO_IPV6;

		if ((v6 && h->cmsg_type == IPV6_PKTINFO) ||
		    (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO)) {
			if (d->info_n == 0 &&
			    CMSG_SPACE(h->cmsg_len - CMSG_LEN(0)) <= sizeof(d->info)) {
				memcpy(d->info, h, h->cmsg_len);
				d->info_n = CMSG_SPACE(h->cmsg_len - CMSG_LEN(0));
			}
		} else if (v6 && h->cmsg_type == IPV6_ORIGDSTADDR) {
			struct sockaddr_in6 a;

			memcpy(&a, CMSG_DATA(h), sizeof(a));
			memcpy(d->to, &a.sin6_addr, 16);
			d->port = ntohs(a.sin6_port);
		} else if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_ORIGDSTADDR) {
			struct sockaddr_in a;

			memcpy(&a, CMSG_DATA(h), sizeof(a));
			memset(d->to, 0, 10);
			memset(d->to + 10, 0xff, 2);
			memcpy(d->to + 12, &a.sin_addr, 4);
			d->port = ntohs(a.sin_port);
		}
	}
}

static bool receive(int fd, struct datagram *d)
{
	uint8_t beside[256];
	struct iovec v = { d->bytes, sizeof(d->bytes) };
	struct msghdr m = { .msg_name = &d->from,
			    .msg_namelen = sizeof(d->from),
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = beside,
			    .msg_controllen = sizeof(beside) };
	const ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0)
		return false;
	d->n = (size_t)n;
	d->info_n = 0;
	d->port = 0;
	read_beside(&m, d);
	return true;
}

static void tell_name(struct rec_step *s)
{
	AUTO_BUF struct ss_buf answer = SS_BUF_INIT(DNS_MAX_MESSAGE);
	struct datagram d = { 0 };
	struct msghdr m = { .msg_name = &d.from, .msg_namelen = sizeof(d.from), .msg_iovlen = 1 };
	struct iovec v;

	if (!receive(s->doors[IO_DOOR_NAMES], &d) ||
	    !rec_names_answer(rec_names_in(s->r), (struct ss_span){ d.bytes, d.n }, &answer))
		return;
	v = (struct iovec){ answer.p, answer.n };
	m.msg_iov = &v;
	m.msg_control = d.info_n > 0 ? d.info : NULL;
	m.msg_controllen = d.info_n;
	/* Who asks and goes away gets nothing. */
	(void)!sendmsg(s->doors[IO_DOOR_NAMES], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void refuse_datagram(struct rec_step *s)
{
	struct datagram d = { 0 };
	char where[REC_WHERE_MAX], line[REC_WHERE_MAX + 64];

	if (!receive(s->doors[IO_DOOR_DATAGRAMS], &d))
		return;
	rec_names_where(rec_names_in(s->r), d.to, where);
	(void)snprintf(line, sizeof(line), "udp %s:%u: refused: no datagrams are recorded", where,
		       d.port);
	rec_refused(s->r, line);
	rec_count_refusal(s->r, s->number);
}

/* --- the thread ----------------------------------------------------------------------------------
 */

static void take(struct rec_step *s, enum io_door door)
{
	const int fd = accept4(s->doors[door], NULL, NULL, SOCK_CLOEXEC);
	struct pollfd wake = { s->wake[0], POLLIN, 0 };

	if (fd >= 0)
		rec_begin(s->r, fd, s->number, door == IO_DOOR_LED);
	else if (errno == EMFILE || errno == ENFILE)
		(void)poll(&wake, 1, 100); /* until one of them ends */
}

static void *serve_step(void *ctx)
{
	struct rec_step *s = ctx;
	enum { WAKE = IO_DOOR_LINK };
	struct pollfd p[IO_DOORS];

	for (size_t i = 0; i < IO_DOORS; i++)
		p[i] = (struct pollfd){ i == WAKE ? s->wake[0] : s->doors[i], POLLIN, 0 };
	while (!rec_is_stopping(s->r)) {
		if (poll(p, IO_DOORS, -1) < 0) {
			if (errno != EINTR)
				break;
			continue;
		}
		if (p[WAKE].revents != 0)
			break;
		if (p[IO_DOOR_NAMES].revents != 0)
			tell_name(s);
		if (p[IO_DOOR_DATAGRAMS].revents != 0)
			refuse_datagram(s);
		if (p[IO_DOOR_LED].revents != 0)
			take(s, IO_DOOR_LED);
		if (p[IO_DOOR_PROXY].revents != 0)
			take(s, IO_DOOR_PROXY);
	}
	return NULL;
}

void rec_step_free(struct rec_step *s)
{
	if (s == NULL)
		return;
	if (s->running) {
		(void)!write(s->wake[1], "x", 1);
		(void)pthread_join(s->thread, NULL);
	}
	ss_closep(&s->wake[0]);
	ss_closep(&s->wake[1]);
	io_doors_done(s->doors);
	free(s);
}

struct rec_step *rec_step_new(struct recorder *r, size_t number, const int doors[IO_DOORS],
			      struct ss_err *err)
{
	struct rec_step *s = ss_calloc(1, sizeof(*s));

	s->r = r;
	s->number = number;
	s->wake[0] = s->wake[1] = -1;
	memcpy(s->doors, doors, sizeof(s->doors));
	for (size_t i = 0; i < IO_DOOR_LINK; i++)
		if (s->doors[i] >= 0)
			(void)fcntl(s->doors[i], F_SETFL, O_NONBLOCK);
	if (pipe2(s->wake, O_CLOEXEC) < 0)
		(void)ss_fail_sys(err, "cannot make a pipe");
	else if (pthread_create(&s->thread, NULL, serve_step, s) != 0)
		(void)ss_fail(err, SS_ESYS, "cannot start a thread");
	else
		s->running = true;
	if (s->running)
		return s;
	rec_step_free(s);
	return NULL;
}
