/* SPDX-License-Identifier: MIT */
/* The page at `/`: every stream, made anew for each request; no script. */
#include "common/base/clock.h"
#include "daemon/doors/http/inside.h"

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

void fr_http_page(struct http_peer *p)
{
	struct fr_relay *relay = p->door->env.relay;
	struct fr_refusal refusal = {.code = 403, .reason = FR_REASON_access_denied};
	struct fr_text text = {0};
	struct writing w = {.to = &text};

	if (!fr_access_allows(
	        fr_relay_access(relay), &p->who, FR_RIGHT_OBSERVE, NULL, &refusal.why)) {
		fr_http_refuse(p, &refusal, false);
		return;
	}
	fr_text_add(&text,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
	    "charset=\"utf-8\"><title>framerelayd</title>\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<link rel=\"icon\" href=\"data:,\"></head>\n<body><h1>framerelayd</h1>\n");
	fr_relay_streams(relay, fr_clock_now_us(), add_stream, &w);
	if (w.streams == 0)
		fr_text_add(&text,
		    "<p>No stream yet. Publish one:</p>\n<pre>curl -T picture.jpg "
		    "http://THIS-HOST:PORT/streams/NAME\nffmpeg -re -i FILE -f mpjpeg -method POST "
		    "http://THIS-HOST:PORT/streams/NAME\nframerelayd --publish "
		    "THIS-HOST/NAME</pre>\n");
	fr_text_add(&text, "</body></html>\n");
	fr_http_answer(p, 200, "text/html; charset=utf-8",
	    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; frame-ancestors "
	    "'self'\r\n",
	    text.text, text.length);
	fr_text_done(&text);
}
