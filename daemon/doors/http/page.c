/* SPDX-License-Identifier: MIT */
/*
 * The viewer page (docs/viewer.md): its files under /page/, and at `/` index.html, into which is written what a browser
 * without scripts, or a very old one, is to see: every stream, made anew for each request.
 */
#include <string.h>

#include "common/base/clock.h"
#include "daemon/doors/http/inside.h"
#include "daemon/doors/http/page_files.h"

enum {
	MOVING_MAX =
	    4, /* browsers open six connections to a host: some must stay free for clicks */
};

struct writing {
	struct fr_text *to;
	unsigned streams, moving;
};

static void add_escaped(struct fr_text *to, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fr_text_add(to, "&lt;");
			break;
		case '>':
			fr_text_add(to, "&gt;");
			break;
		case '&':
			fr_text_add(to, "&amp;");
			break;
		case '"':
			fr_text_add(to, "&quot;");
			break;
		default:
			fr_text_add(to, "%c", *text);
		}
	}
}

/* What is not live has no picture here: a frozen one would look live. */
static void add_stream(void *arg, const struct fr_stream_info *info)
{
	struct writing *w = arg;
	struct fr_text *to = w->to;

	w->streams++;
	fr_text_add(to, "<figure>");
	if (info->state == FR_STREAM_LIVE && info->newest_us != 0)
		fr_text_add(to,
		    "<a href=\"/streams/%s.mjpg\"><img alt=\"%s\" width=\"%u\" height=\"%u\" "
		    "src=\"/streams/%s.%s\"></a>",
		    info->name, info->name, info->width, info->height, info->name,
		    w->moving++ < MOVING_MAX ? "mjpg" : "jpg");
	fr_text_add(to, "<figcaption><b>");
	add_escaped(to, info->title[0] != '\0' ? info->title : info->name);
	fr_text_add(to, "</b> %s", fr_stream_state_name(info->state));
	if (info->width != 0)
		fr_text_add(to, ", %ux%u", info->width, info->height);
	if (info->state == FR_STREAM_LIVE && info->fps_milli != 0)
		fr_text_add(
		    to, ", %u.%u pictures/s", info->fps_milli / 1000, info->fps_milli % 1000 / 100);
	fr_text_add(to,
	    " &middot; <a href=\"/streams/%s.mjpg\">watch</a> <a "
	    "href=\"/streams/%s.jpg\">picture</a> "
	    "<a href=\"/streams/%s\">JSON</a></figcaption></figure>\n",
	    info->name, info->name, info->name);
}

/* --- Files ------------------------------------------------------------------------------------ */

/*
 * Nothing but ours is loaded or run, nothing inline, by no other site, in no other site's frame. Not every browser takes
 * 'self' for WebSockets as well: where it can be written, the host as the browser calls it is named too.
 *
 * Source: W3C Content Security Policy Level 3, 2.3.1 (an address in brackets is no host-source there)
 */
static void add_policy(const struct http_peer *p, struct fr_text *to)
{
	const char *host = fr_http_head_field(p->head, "host");

	fr_text_add(to,
	    "Content-Security-Policy: default-src 'self'; img-src 'self' blob: data:; object-src "
	    "'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; connect-src "
	    "'self'");
	if (host != NULL && host[0] != '\0' &&
	    host[strspn(host,
	        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._:")] == '\0')
		fr_text_add(to, " ws://%s wss://%s", host, host);
	fr_text_add(to, "\r\nReferrer-Policy: no-referrer\r\n");
}

static const struct fr_page_file *find_file(const char *name)
{
	for (size_t i = 0; i < fr_page_file_count; i++)
		if (strcmp(fr_page_files[i].name, name) == 0)
			return &fr_page_files[i];
	return NULL;
}

void fr_http_page_file(struct http_peer *p, const char *name)
{
	const struct fr_page_file *file = find_file(name);
	const char *known = fr_http_head_field(p->head, "if-none-match");
	struct fr_text more = {0};

	if (file == NULL || strcmp(name, "index.html") == 0) {
		fr_http_fail(p, 404, FR_REASON_no_such_path, "the page has no such file");
		return;
	}
	add_policy(p, &more);
	/* Asked for each time, so that a new version of the relay is a new page at once. */
	fr_text_add(&more, "ETag: %s\r\nCache-Control: no-cache\r\n", file->tag);
	if (known != NULL && strstr(known, file->tag) != NULL)
		fr_http_answer(p, 304, NULL, more.text, "", 0);
	else
		fr_http_answer(p, 200, file->type, more.text, file->bytes, file->size);
	fr_text_done(&more);
}

/* --- The page at `/` -------------------------------------------------------------------------- */

static void add_streams(struct http_peer *p, struct fr_text *to)
{
	struct writing w = {.to = to};

	fr_relay_streams(p->door->env.relay, fr_clock_now_us(), add_stream, &w);
	if (w.streams == 0)
		fr_text_add(to,
		    "<p>No stream yet. Publish one:</p>\n<pre>curl -T picture.jpg "
		    "http://THIS-HOST:PORT/streams/NAME\nffmpeg -re -i FILE -f mpjpeg -method POST "
		    "http://THIS-HOST:PORT/streams/NAME\nframerelayd --publish "
		    "THIS-HOST/NAME</pre>\n");
}

/* Where this relay's doors are, for the lines that say how to publish. */
static void add_doors(struct http_peer *p, struct fr_text *to)
{
	const struct fr_door_env *env = &p->door->env;
	struct fr_text lines = {0};

	if (env->announce != NULL)
		env->announce(env->hand_over_arg, &lines);
	if (lines.text != NULL)
		add_escaped(to, lines.text);
	fr_text_done(&lines);
}

/* index.html, with these marks replaced. */
static void add_index(struct http_peer *p, struct fr_text *to)
{
	static const struct {
		const char *mark;
		void (*add)(struct http_peer *p, struct fr_text *to);
	} marks[] = {{"{doors}", add_doors}, {"<!--streams-->", add_streams}};
	const char *at = find_file("index.html")->bytes;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = strstr(at, marks[i].mark);

		fr_text_add(to, "%.*s", (int)(mark - at), at);
		marks[i].add(p, to);
		at = mark + strlen(marks[i].mark);
	}
	fr_text_add(to, "%s", at);
}

void fr_http_page(struct http_peer *p)
{
	struct fr_text text = {0}, more = {0};

	if (!fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
		return;
	add_index(p, &text);
	add_policy(p, &more);
	fr_http_answer(p, 200, "text/html; charset=utf-8", more.text, text.text, text.length);
	fr_text_done(&text);
	fr_text_done(&more);
}
