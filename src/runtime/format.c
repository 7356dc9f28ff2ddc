/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct out {
	char *p;
	size_t n;
	size_t room; /* with the NUL */
};

struct spec {
	bool alternate;
	bool zero;
	size_t width;
	size_t precision;
	unsigned longs; /* 0 int, 1 long or size_t, 2 long long */
	char conversion;
};

static void put(struct out *o, char c)
{
	if (o->n + 1 < o->room)
		o->p[o->n++] = c;
}

static void put_text(struct out *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(o, s[i]);
}

static void pad(struct out *o, const struct spec *f, char c, size_t used)
{
	for (; used < f->width; used++)
		put(o, c);
}

static void put_number(struct out *o, const struct spec *f, unsigned long long v, bool negative)
{
	const unsigned base = f->conversion == 'x' ? 16 : f->conversion == 'o' ? 8 : 10;
	const bool prefixed = f->alternate && v != 0;
	char digits[24], prefix[3];
	size_t n = 0, n_prefix = 0;

	do {
		digits[sizeof(digits) - ++n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	if (negative)
		prefix[n_prefix++] = '-';
	if (prefixed && base != 10)
		prefix[n_prefix++] = '0';
	if (prefixed && base == 16)
		prefix[n_prefix++] = 'x';
	if (!f->zero)
		pad(o, f, ' ', n + n_prefix);
	put_text(o, prefix, n_prefix);
	if (f->zero)
		pad(o, f, '0', n + n_prefix);
	put_text(o, digits + sizeof(digits) - n, n);
}

static size_t read_digits(const char **at)
{
	size_t v = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		v = v * 10 + (size_t)(**at - '0');
	return v;
}

static struct spec read_spec(const char **at, va_list *ap)
{
	struct spec f = { .precision = SIZE_MAX };

	for (; **at == '#' || **at == '0'; (*at)++) {
		f.alternate = f.alternate || **at == '#';
		f.zero = f.zero || **at == '0';
	}
	f.width = read_digits(at);
	if (**at == '.' && (*at)[1] == '*') {
		const int given = va_arg(*ap, int);

		f.precision = given < 0 ? SIZE_MAX : (size_t)given;
		*at += 2;
	}
	for (; **at == 'l' || **at == 'z'; (*at)++)
		f.longs++;
	f.conversion = **at;
	if (f.conversion != '\0')
		(*at)++;
	return f;
}

static void put_signed(struct out *o, const struct spec *f, va_list *ap)
{
	const long long v = f->longs == 0   ? va_arg(*ap, int)
			    : f->longs == 1 ? va_arg(*ap, long)
					    : va_arg(*ap, long long);

	put_number(o, f, v < 0 ? 0ull - (unsigned long long)v : (unsigned long long)v, v < 0);
}

static void put_unsigned(struct out *o, const struct spec *f, va_list *ap)
{
	const unsigned long long v = f->longs == 0   ? va_arg(*ap, unsigned)
				     : f->longs == 1 ? va_arg(*ap, unsigned long)
						     : va_arg(*ap, unsigned long long);

	put_number(o, f, v, false);
}

static void put_one(struct out *o, const struct spec *f, va_list *ap)
{
	const char *s;
	size_t n;

	switch (f->conversion) {
	case 's':
		s = va_arg(*ap, const char *);
		n = strnlen(s, f->precision);
		pad(o, f, ' ', n);
		put_text(o, s, n);
		break;
	case 'c':
		put(o, (char)va_arg(*ap, int));
		break;
	case 'd':
		put_signed(o, f, ap);
		break;
	case 'u':
	case 'x':
	case 'o':
		put_unsigned(o, f, ap);
		break;
	case '%':
		put(o, '%');
		break;
	default:
		put_text(o, "%?", 2);
		break;
	}
}

size_t rt_vformat(char *ret, size_t room, const char *fmt, va_list ap)
{
	struct out o = { .p = ret, .room = room };
	va_list args;

	va_copy(args, ap);
	while (*fmt != '\0') {
		struct spec f;

		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt++;
		f = read_spec(&fmt, &args);
		put_one(&o, &f, &args);
	}
	va_end(args);
	if (room > 0)
		ret[o.n] = '\0';
	return o.n;
}

size_t rt_format(char *ret, size_t room, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = rt_vformat(ret, room, fmt, ap);
	va_end(ap);
	return n;
}
