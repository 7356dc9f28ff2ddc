/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the proxy between a program and a TLS server, both in this thread: not a byte
 * before the key, ends and cuts told apart, what is not taken holds the other side, every wait has
 * its end. The clock of the relay is the test's. */
#include "base/mem.h"
#include "endpoint/ep_relay.h"
#include "io/clock.h"
#include "tls_peer.h"

#include <errno.h>
#include <signal.h>

#define DEADLINE_MS 100000u /* of what must happen: a fault, not a measure */
#define BULK ((size_t)300 * 1000)

struct world {
	struct tls_peer peer;
	struct ep_tls *tls;
	struct ep_url url;
	struct ep_pin pin;
	struct ep_relay *r;
	int program; /* the other end of what the relay has as `local` */
	uint64_t now;
	enum ep_over over;
	bool is_mute;      /* the peer does no handshake */
	uint8_t got[BULK]; /* what the peer has read */
	size_t n_got;
	bool peer_saw_end;
	uint8_t back[BULK]; /* what the program has read */
	size_t n_back;
	bool program_saw_end;
	uint64_t until_ms; /* of the test */
};

static void tcp_pair(int ret[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	const int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(listen(l, 1), 0);
	ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ret[0], (struct sockaddr *)&a, sizeof(a)), 0);
	ret[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(ret[1] >= 0);
	assert_int_equal(fcntl(ret[0], F_SETFL, O_NONBLOCK), 0);
	(void)close(l);
}

static int setup(void **state)
{
	struct world *w = ss_calloc(1, sizeof(*w));
	struct ss_err err = { 0 };

	tls_peer_open(&w->peer, "enclave");
	expect_ok(ep_tls_new(&w->tls, &err), &err);
	expect_ok(ep_url_read("https://enclave.example:8443", &w->url, &err), &err);
	w->pin.n_spki = tls_peer_spki(&w->peer, w->pin.spki, sizeof(w->pin.spki));
	memcpy(&w->pin.address, &w->peer.address, sizeof(w->peer.address));
	w->pin.n_address = sizeof(w->peer.address);
	w->program = -1;
	w->now = 1000;
	w->until_ms = io_clock_steady_ms() + DEADLINE_MS;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->r != NULL)
		ep_relay_free(w->r, true);
	if (w->program >= 0)
		(void)close(w->program);
	tls_peer_close(&w->peer);
	ep_tls_free(w->tls);
	free(w);
	return 0;
}

static void begin(struct world *w)
{
	int fds[2];

	tcp_pair(fds);
	w->program = fds[0];
	w->r = ep_relay_new(fds[1], 7, &w->pin, w->now);
}

static void turn_relay(struct world *w)
{
	struct pollfd p[2];

	if (w->over != EP_RUNS)
		return;
	ep_relay_poll(w->r, p);
	assert_true(poll(p, 2, w->r->is_ready ? 0 : 2) >= 0);
	w->over = ep_relay_turn(w->r, p, w->tls, &w->url, &w->pin, w->now);
}

static void peer_reads(struct world *w)
{
	size_t n;

	while (w->peer.shaken && w->n_got < BULK &&
	       SSL_read_ex(w->peer.ssl, w->got + w->n_got, BULK - w->n_got, &n) == 1)
		w->n_got += n;
	if (w->peer.shaken && (SSL_get_shutdown(w->peer.ssl) & SSL_RECEIVED_SHUTDOWN) != 0)
		w->peer_saw_end = true;
}

static void program_reads(struct world *w)
{
	ssize_t n;

	while (w->n_back < BULK &&
	       (n = recv(w->program, w->back + w->n_back, BULK - w->n_back, 0)) >= 0) {
		w->n_back += (size_t)n;
		if (n == 0) {
			w->program_saw_end = true;
			return;
		}
	}
}

/* One round of everybody; the test asserts on what must come, not on when. */
static void turn(struct world *w)
{
	assert_true(io_clock_steady_ms() < w->until_ms);
	turn_relay(w);
	if (!w->is_mute)
		tls_peer_shake(&w->peer);
}

static void run_until_over(struct world *w)
{
	while (w->over == EP_RUNS) {
		turn(w);
		peer_reads(w);
	}
}

static void open_it(struct world *w)
{
	begin(w);
	while (w->over == EP_RUNS && (w->r->state != EP_OPEN || !w->peer.shaken))
		turn(w);
	assert_int_equal(w->over, EP_RUNS);
}

static void program_sends(struct world *w, const void *p, size_t n)
{
	assert_int_equal(send(w->program, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* What cannot be sent at once goes between turns. */
static void send_all(struct world *w, const uint8_t *p, size_t n, bool by_peer)
{
	while (n > 0) {
		size_t k = 0;
		ssize_t sent = -1;

		if (by_peer && SSL_write_ex(w->peer.ssl, p, n, &k) != 1)
			k = 0;
		if (!by_peer && (sent = send(w->program, p, n, MSG_NOSIGNAL)) > 0)
			k = (size_t)sent;
		p += k;
		n -= k;
		turn(w);
		assert_int_equal(w->over, EP_RUNS);
		if (by_peer)
			program_reads(w);
		else
			peer_reads(w);
	}
}

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

/* --- before the key -------------------------------------------------------------------------- */

static void a_peer_with_another_key_gets_no_byte(void **state)
{
	struct world *w = *state;

	w->pin.spki[w->pin.n_spki - 1] ^= 1;
	begin(w);
	program_sends(w, "secret", 6);
	run_until_over(w);
	assert_int_equal(w->over, EP_OVER_KEY);
	assert_true(w->r->out.total == 0 && w->r->out.bytes == NULL);
	ep_relay_free(w->r, true);
	w->r = NULL;
	for (int i = 0; i < 50; i++) { /* nor afterwards */
		tls_peer_shake(&w->peer);
		peer_reads(w);
	}
	assert_int_equal(w->n_got, 0);
}

static void a_longer_or_shorter_key_is_another(void **state)
{
	struct world *w = *state;

	w->pin.n_spki--;
	begin(w);
	run_until_over(w);
	assert_int_equal(w->over, EP_OVER_KEY);
}

static void the_key_counts_and_not_what_the_certificate_calls_it(void **state)
{
	struct world *w = *state;

	tls_peer_certify(&w->peer, "somebody else");
	open_it(w);
	program_sends(w, "x", 1);
	while (w->n_got == 0) {
		turn(w);
		peer_reads(w);
	}
	assert_int_equal(w->got[0], 'x');
}

static void a_stream_has_no_key_before_its_handshake_is_over(void **state)
{
	struct world *w = *state;
	struct ep_stream *s = NULL;
	struct ss_err err = { 0 };
	enum ep_step step;
	int fds[2];

	tcp_pair(fds);
	expect_ok(ep_stream_new(w->tls, &w->url, fds[1], &s, &err), &err);
	assert_false(ep_stream_has_key(s, &w->pin));
	assert_int_equal(ep_stream_shake(s), EP_STEP_READ);
	assert_false(ep_stream_has_key(s, &w->pin));
	(void)close(fds[0]);
	do
		step = ep_stream_shake(s);
	while (step == EP_STEP_READ && io_clock_steady_ms() < w->until_ms);
	assert_int_equal(step, EP_STEP_CUT);
	assert_false(ep_stream_has_key(s, &w->pin));
	ep_stream_free(s);
	(void)close(fds[1]);
}

static void no_protocol_is_offered_and_the_name_is_said(void **state)
{
	struct world *w = *state;

	open_it(w);
	assert_false(w->peer.offered_alpn);
	assert_string_equal(w->peer.name, "enclave.example");
}

static void an_address_is_no_name_to_say(void **state)
{
	struct world *w = *state;
	struct ss_err err = { 0 };

	expect_ok(ep_url_read("https://127.0.0.1:8443", &w->url, &err), &err);
	open_it(w);
	assert_string_equal(w->peer.name, "");
}

static void older_tls_is_no_handshake(void **state)
{
	struct world *w = *state;

	assert_int_equal(SSL_CTX_set_max_proto_version(w->peer.ctx, TLS1_2_VERSION), 1);
	begin(w);
	run_until_over(w);
	assert_int_equal(w->over, EP_OVER_HANDSHAKE);
}

static void what_is_not_tls_is_no_handshake(void **state)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct world *w = *state;

	w->is_mute = true;
	begin(w);
	while (w->over == EP_RUNS) {
		turn(w);
		if (w->peer.fd < 0) {
			tls_peer_take(&w->peer);
			if (w->peer.fd >= 0)
				assert_true(send(w->peer.fd, words, sizeof(words) - 1,
						 MSG_NOSIGNAL) > 0);
		}
	}
	assert_int_equal(w->over, EP_OVER_HANDSHAKE);
}

static void where_nobody_listens_nothing_is_reached(void **state)
{
	struct world *w = *state;

	(void)close(w->peer.listener);
	w->peer.listener = -1;
	begin(w);
	w->is_mute = true;
	while (w->over == EP_RUNS)
		turn(w);
	assert_int_equal(w->over, EP_OVER_UNREACHABLE);
}

/* --- bytes and ends -------------------------------------------------------------------------- */

static void bytes_and_ends_go_both_ways_one_by_one(void **state)
{
	static uint8_t out[BULK - 1], in[BULK - 1];
	struct world *w = *state;

	fill(out, sizeof(out), 1);
	fill(in, sizeof(in), 2);
	open_it(w);
	send_all(w, out, sizeof(out), false);
	assert_int_equal(shutdown(w->program, SHUT_WR), 0);
	while (!w->peer_saw_end) {
		turn(w);
		peer_reads(w);
		assert_int_equal(w->over, EP_RUNS);
	}
	assert_int_equal(w->n_got, sizeof(out));
	assert_memory_equal(w->got, out, sizeof(out));
	send_all(w, in, sizeof(in), true); /* one way has ended, the other goes on */
	(void)SSL_shutdown(w->peer.ssl);
	while (!w->program_saw_end) {
		turn(w);
		program_reads(w);
	}
	assert_int_equal(w->n_back, sizeof(in));
	assert_memory_equal(w->back, in, sizeof(in));
	run_until_over(w);
	assert_int_equal(w->over, EP_OVER_DONE);
	assert_true(w->r->out.total == sizeof(out) && w->r->in.total == sizeof(in));
}

/* HTTP/2 with prior knowledge: without ALPN its first bytes are bytes like any other. */
static void the_beginning_of_http_2_goes_through_as_it_is(void **state)
{
	uint8_t out[24 + 9 + 256];
	struct world *w = *state;

	memcpy(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	memcpy(out + 24, "\0\0\0\4\0\0\0\0", 9); /* SETTINGS, empty */
	for (unsigned i = 0; i < 256; i++)
		out[33 + i] = (uint8_t)i;
	open_it(w);
	program_sends(w, out, sizeof(out));
	while (w->n_got < sizeof(out)) {
		turn(w);
		peer_reads(w);
	}
	assert_int_equal(w->n_got, sizeof(out));
	assert_memory_equal(w->got, out, sizeof(out));
	assert_false(w->peer.offered_alpn);
}

static void a_peer_that_goes_without_a_word_is_a_cut(void **state)
{
	struct world *w = *state;

	open_it(w);
	tls_peer_cut(&w->peer);
	w->peer.shaken = false;
	w->is_mute = true;
	while (w->over == EP_RUNS)
		turn(w);
	assert_int_equal(w->over, EP_OVER_CUT);
}

static void a_peer_that_said_its_end_may_go(void **state)
{
	struct world *w = *state;

	open_it(w);
	assert_int_equal(SSL_write(w->peer.ssl, "bye", 3), 3);
	(void)SSL_shutdown(w->peer.ssl);
	while (!w->program_saw_end) {
		turn(w);
		program_reads(w);
		assert_int_equal(w->over, EP_RUNS);
	}
	assert_int_equal(w->n_back, 3);
	tls_peer_cut(&w->peer);
	w->peer.shaken = false;
	w->is_mute = true;
	while (w->over == EP_RUNS) { /* it takes no more: that is no fault of anybody's */
		(void)send(w->program, "more", 4, MSG_NOSIGNAL);
		turn(w);
	}
	assert_int_equal(w->over, EP_OVER_DONE);
}

/* It refuses a request of which it has read nothing: its reset must not overtake its answer. */
static void an_answer_and_its_end_outlive_the_peer(void **state)
{
	static uint8_t answer[20000];
	struct world *w = *state;

	fill(answer, sizeof(answer), 3);
	open_it(w);
	program_sends(w, "x", 1);
	while (w->r->out.total == 0)
		turn(w);
	for (size_t n = 0, k; n < sizeof(answer); n += k) /* into the kernel's room, at once */
		assert_int_equal(SSL_write_ex(w->peer.ssl, answer + n, sizeof(answer) - n, &k), 1);
	(void)SSL_shutdown(w->peer.ssl);
	while (!w->r->in.told) /* the program has not read anything yet */
		turn(w);
	tls_peer_cut(&w->peer);
	w->peer.shaken = false;
	w->is_mute = true;
	while (w->over == EP_RUNS) {
		(void)send(w->program, "more", 4, MSG_NOSIGNAL);
		turn(w);
	}
	assert_int_equal(w->over, EP_OVER_DONE);
	assert_int_equal(w->r->in.total, sizeof(answer));
	ep_relay_free(w->r, false);
	w->r = NULL;
	while (!w->program_saw_end && w->n_back < sizeof(answer)) {
		assert_true(io_clock_steady_ms() < w->until_ms);
		program_reads(w);
	}
	assert_int_equal(w->n_back, sizeof(answer));
	assert_memory_equal(w->back, answer, sizeof(answer));
}

/* The same without the end: nobody knows whether that was all. */
static void an_answer_without_an_end_is_a_cut_all_the_same(void **state)
{
	struct world *w = *state;

	open_it(w);
	program_sends(w, "x", 1);
	while (w->r->out.total == 0)
		turn(w);
	assert_int_equal(SSL_write(w->peer.ssl, "half", 4), 4);
	tls_peer_cut(&w->peer);
	w->peer.shaken = false;
	w->is_mute = true;
	while (w->over == EP_RUNS)
		turn(w);
	assert_int_equal(w->over, EP_OVER_CUT);
}

static void a_program_that_breaks_off_is_told_from_one_that_ends(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct world *w = *state;

	open_it(w);
	assert_int_equal(setsockopt(w->program, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	(void)close(w->program);
	w->program = -1;
	run_until_over(w);
	assert_int_equal(w->over, EP_OVER_CLIENT);
	assert_false(w->peer_saw_end);
}

static void what_the_peer_does_not_take_holds_the_program(void **state)
{
	static const uint8_t block[65536];
	struct world *w = *state;
	struct pollfd p[2];
	unsigned quiet = 0;
	uint64_t total = 0;

	open_it(w);
	while (quiet < 100) { /* until nothing goes anywhere */
		const ssize_t n = send(w->program, block, sizeof(block), MSG_NOSIGNAL);
		const uint64_t before = w->r->out.total;

		total += n > 0 ? (uint64_t)n : 0;
		turn(w);
		assert_int_equal(w->over, EP_RUNS);
		assert_true(w->r->out.n <= EP_RECORD);
		quiet = n > 0 || w->r->out.total > before ? 0 : quiet + 1;
	}
	assert_true(total > w->r->out.total + w->r->out.n); /* the rest lies in the kernel */
	ep_relay_poll(w->r, p);
	assert_int_equal(p[0].events & POLLIN, 0); /* and nobody fetches it */
	assert_int_not_equal(p[1].events & POLLOUT, 0);
	while (w->r->out.total < total) {
		w->n_got = 0;
		peer_reads(w);
		turn(w);
		assert_int_equal(w->over, EP_RUNS);
	}
}

/* --- time ------------------------------------------------------------------------------------ */

static void a_peer_that_does_not_shake_hands_is_waited_for_a_while(void **state)
{
	struct world *w = *state;

	w->is_mute = true;
	begin(w);
	while (w->r->state == EP_DIALS)
		turn(w);
	assert_int_equal(w->r->state, EP_SHAKES);
	w->now += EP_HANDSHAKE_MS - 1;
	turn(w);
	assert_int_equal(w->over, EP_RUNS);
	w->now++;
	turn(w);
	assert_int_equal(w->over, EP_OVER_HANDSHAKE);
}

static void a_connection_that_is_not_taken_is_waited_for_a_while(void **state)
{
	const struct pollfd nothing[2] = { { .fd = -1 }, { .fd = -1 } };
	struct world *w = *state;

	begin(w);
	w->now += EP_CONNECT_MS - 1;
	assert_int_equal(ep_relay_turn(w->r, nothing, w->tls, &w->url, &w->pin, w->now), EP_RUNS);
	w->now++;
	assert_int_equal(ep_relay_turn(w->r, nothing, w->tls, &w->url, &w->pin, w->now),
			 EP_OVER_UNREACHABLE);
}

/* Bytes put the end off; an end of one side brings it nearer. */
static void silence_has_an_end(void **state)
{
	struct world *w = *state;

	open_it(w);
	w->now += EP_IDLE_MS - 1;
	turn(w);
	assert_int_equal(w->over, EP_RUNS);
	program_sends(w, "x", 1);
	while (w->n_got < 1) {
		turn(w);
		peer_reads(w);
	}
	w->now += EP_IDLE_MS - 1;
	turn(w);
	assert_int_equal(w->over, EP_RUNS);
	assert_int_equal(shutdown(w->program, SHUT_WR), 0);
	while (!w->peer_saw_end) {
		turn(w);
		peer_reads(w);
	}
	w->now += EP_HALF_MS - 1;
	turn(w);
	assert_int_equal(w->over, EP_RUNS);
	w->now++;
	turn(w);
	assert_int_equal(w->over, EP_OVER_IDLE);
}

#define SENTENCE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SENTENCE(a_peer_with_another_key_gets_no_byte),
		SENTENCE(a_longer_or_shorter_key_is_another),
		SENTENCE(the_key_counts_and_not_what_the_certificate_calls_it),
		SENTENCE(a_stream_has_no_key_before_its_handshake_is_over),
		SENTENCE(no_protocol_is_offered_and_the_name_is_said),
		SENTENCE(an_address_is_no_name_to_say),
		SENTENCE(older_tls_is_no_handshake),
		SENTENCE(what_is_not_tls_is_no_handshake),
		SENTENCE(where_nobody_listens_nothing_is_reached),
		SENTENCE(bytes_and_ends_go_both_ways_one_by_one),
		SENTENCE(the_beginning_of_http_2_goes_through_as_it_is),
		SENTENCE(a_peer_that_goes_without_a_word_is_a_cut),
		SENTENCE(a_peer_that_said_its_end_may_go),
		SENTENCE(an_answer_and_its_end_outlive_the_peer),
		SENTENCE(an_answer_without_an_end_is_a_cut_all_the_same),
		SENTENCE(a_program_that_breaks_off_is_told_from_one_that_ends),
		SENTENCE(what_the_peer_does_not_take_holds_the_program),
		SENTENCE(a_peer_that_does_not_shake_hands_is_waited_for_a_while),
		SENTENCE(a_connection_that_is_not_taken_is_waited_for_a_while),
		SENTENCE(silence_has_an_end),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* as cli_main() has it */
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
