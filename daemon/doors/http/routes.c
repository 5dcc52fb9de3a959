/* SPDX-License-Identifier: MIT */
/*
 * What may be asked for. First our own addresses, then the names that other software asks for, as one table
 * (docs/doors/http.md says who asks).
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/media/uri.h"
#include "daemon/doors/http/inside.h"

enum kind {
	MJPEG,
	SNAPSHOT,
	STATE, /* uStreamer's */
	/* What pages with sliders read first, constant text: nothing can be turned here. */
	SETTINGS,
	PROPERTIES,
	INPUT,
	OUTPUT,
	PLUGINS,
};

static const char *const constants[] = {
    [SETTINGS] = "{\"controls\":[],\"modes\":[]}",
    [PROPERTIES] = "{\"pixel format\":\"mjpeg\",\"properties\":[]}",
    [INPUT] = "{\"controls\":[],\"formats\":[]}",
    [OUTPUT] = "{\"controls\":[]}",
    [PLUGINS] = "{\"inputs\":[],\"outputs\":[]}",
};

/* Which stream an address means. */
enum choice {
	DEFAULT,
	NUMBER,    /* `#` in the path is its number, from 1 */
	NAME,      /* `@` in the path is its name */
	PARAMETER, /* `src`, `dst` or `topic` is its name; without one: the default */
};

static const struct row {
	const char *path;
	enum choice choice;
	enum kind kind;
} rows[] = {
    {"/video_feed", DEFAULT, MJPEG},
    {"/source.mjpg", DEFAULT, MJPEG},
    {"/stream", PARAMETER, MJPEG},
    {"/stream.mjpg", DEFAULT, MJPEG},
    {"/stream.mjpeg", DEFAULT, MJPEG},
    {"/video", DEFAULT, MJPEG},
    {"/video.mjpg", DEFAULT, MJPEG},
    {"/mjpeg", DEFAULT, MJPEG},
    {"/mjpeg.cgi", DEFAULT, MJPEG},
    {"/videostream.cgi", DEFAULT, MJPEG},
    {"/mjpg/video.mjpg", DEFAULT, MJPEG},
    {"/mjpg/@/video.mjpeg", NAME, MJPEG},
    {"/axis-cgi/mjpg/video.cgi", DEFAULT, MJPEG},
    {"/cam_#.mjpg", NUMBER, MJPEG},
    {"/#/mjpg/stream", NUMBER, MJPEG},
    {"/#/mjpg", NUMBER, MJPEG},
    {"/#/stream", NUMBER, MJPEG},
    {"/api/stream.mjpeg", PARAMETER, MJPEG},
    {"/snapshot", PARAMETER, SNAPSHOT},
    {"/snapshot.jpg", DEFAULT, SNAPSHOT},
    {"/snapshot.cgi", DEFAULT, SNAPSHOT},
    {"/shot.jpg", DEFAULT, SNAPSHOT},
    {"/image.jpg", DEFAULT, SNAPSHOT},
    {"/image/jpeg.cgi", DEFAULT, SNAPSHOT},
    {"/jpeg", DEFAULT, SNAPSHOT},
    {"/jpg", DEFAULT, SNAPSHOT},
    {"/capture", DEFAULT, SNAPSHOT},
    {"/axis-cgi/jpg/image.cgi", DEFAULT, SNAPSHOT},
    {"/cam_#.jpg", NUMBER, SNAPSHOT},
    {"/#/static/stream", NUMBER, SNAPSHOT},
    {"/#/current", NUMBER, SNAPSHOT},
    {"/api/frame.jpeg", PARAMETER, SNAPSHOT},
    {"/state", DEFAULT, STATE},
    {"/settings.json", DEFAULT, SETTINGS},
    {"/config.json", DEFAULT, PROPERTIES},
    {"/input_#.json", DEFAULT, INPUT},
    {"/output_#.json", DEFAULT, OUTPUT},
    {"/program.json", DEFAULT, PLUGINS},
};

/* --- Helpers ---------------------------------------------------------------------------------- */

static enum fr_http_method method_of(const struct http_peer *p)
{
	return fr_http_head_request(p->head)->method;
}

static bool is_reading(const struct http_peer *p)
{
	return method_of(p) == FR_HTTP_GET || method_of(p) == FR_HTTP_HEAD;
}

static bool is_writing(const struct http_peer *p)
{
	return method_of(p) == FR_HTTP_POST || method_of(p) == FR_HTTP_PUT;
}

#define ALLOW_READING "Allow: GET, HEAD, OPTIONS\r\n"

/* @param allow  the header line that says what the address takes */
static void refuse_method(struct http_peer *p, const char *allow)
{
	p->allow = allow;
	fr_http_fail(p, 405, FR_REASON_http_method, "%s is not for this address",
	    fr_http_method_name(method_of(p)));
}

static void no_such_path(struct http_peer *p)
{
	fr_http_fail(
	    p, 404, FR_REASON_no_such_path, "there is nothing here; /streams lists what there is");
}

/* The value of a parameter of the query. @return false: it is not there */
static bool parameter(const struct http_peer *p, const char *key, struct fr_uri_parameter *ret)
{
	const char *at = fr_http_head_request(p->head)->query;

	while (fr_uri_query_next(&at, ret))
		if (strcmp(ret->key, key) == 0 && ret->has_value && !ret->is_cut)
			return true;
	return false;
}

static bool take_default(struct http_peer *p)
{
	if (fr_relay_default_stream(p->door->env.relay, p->stream))
		return true;
	fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream has been live yet");
	return false;
}

static bool take_number(struct http_peer *p, long number)
{
	if (fr_relay_numbered_stream(p->door->env.relay, number, p->stream))
		return true;
	fr_http_fail(p, 404, FR_REASON_no_such_stream, "there is no stream number %ld", number);
	return false;
}

static bool take_name(struct http_peer *p, const char *name)
{
	if (fr_text_is_name(name)) {
		memcpy(p->stream, name, strlen(name) + 1);
		return true;
	}
	fr_http_fail(p, 404, FR_REASON_no_such_stream,
	    "a stream's name is letters, digits, _ and -, at most 64, the first a letter or a "
	    "digit");
	return false;
}

static void watch(struct http_peer *p, enum kind kind)
{
	if (kind == STATE && is_reading(p))
		fr_http_state(p);
	else if (!is_reading(p) && !(kind == MJPEG && method_of(p) == FR_HTTP_POST))
		refuse_method(
		    p, kind == MJPEG ? "Allow: GET, HEAD, POST, OPTIONS\r\n" : ALLOW_READING);
	else if (kind == MJPEG)
		fr_http_mjpeg(p);
	else
		fr_http_snapshot(p);
}

/* --- The names of other software -------------------------------------------------------------- */

/* Holds a path against a row. @param ret  what stood where the row has `#` or `@` */
static bool matches(const char *row, const char *path, char ret[FR_NAME_MAX + 1])
{
	size_t n = 0;

	ret[0] = '\0';
	for (; *row != '\0'; row++) {
		if (*row != '#' && *row != '@') {
			if (*path++ != *row)
				return false;
			continue;
		}
		while (n < FR_NAME_MAX && (*row == '#' ? isdigit((unsigned char)*path)
		                                       : *path != '\0' && *path != '/'))
			ret[n++] = *path++;
		ret[n] = '\0';
		if (n == 0)
			return false;
	}
	return *path == '\0';
}

static bool choose(struct http_peer *p, const struct row *row, const char *found)
{
	static const char *const names[] = {"src", "dst", "topic"};
	struct fr_uri_parameter value;

	if (row->choice == NUMBER)
		return take_number(p, strtol(found, NULL, 10));
	if (row->choice == NAME)
		return take_name(p, found);
	for (size_t i = 0; row->choice == PARAMETER && i < sizeof(names) / sizeof(names[0]); i++)
		if (parameter(p, names[i], &value))
			return take_name(p, value.value);
	return take_default(p);
}

/* mjpg-streamer's `?action=stream_N`, N from 0. @return false: it is none */
static bool route_action(struct http_peer *p, long camera)
{
	struct fr_uri_parameter action;
	const char *number;
	long named;
	enum kind kind;

	if (!parameter(p, "action", &action))
		return false;
	kind = strncmp(action.value, "snapshot", 8) == 0 ? SNAPSHOT : MJPEG;
	if (kind == MJPEG && strncmp(action.value, "stream", 6) != 0)
		return false;
	number = action.value + (kind == SNAPSHOT ? 8 : 6);
	named = *number == '_' ? strtol(number + 1, NULL, 10) : 0;
	if (*number == '_' ? take_number(p, named < LONG_MAX ? named + 1 : 0)
	                   : (camera > 1 ? take_number(p, camera) : take_default(p)))
		watch(p, kind);
	return true;
}

static void route_row(struct http_peer *p, const char *path, long camera)
{
	char found[FR_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!matches(rows[i].path, path, found))
			continue;
		if (rows[i].kind >= SETTINGS && is_reading(p)) {
			const char *text = constants[rows[i].kind];

			fr_http_answer(p, 200, "application/json", "", text, strlen(text));
		} else if (rows[i].kind >= SETTINGS) {
			refuse_method(p, ALLOW_READING);
		} else if (is_writing(p) && strcmp(path, "/api/stream.mjpeg") == 0) {
			if (choose(p, &rows[i], found))
				fr_http_publish(p);
		} else if (camera > 1 ? take_number(p, camera) : choose(p, &rows[i], found)) {
			watch(p, rows[i].kind);
		}
		return;
	}
	no_such_path(p);
}

/* `/webcam/…`, `/webcam2/…` to 4: a port map without the proxy in front. @return the camera, and the rest of the path */
static long strip_webcam(const char **path)
{
	const char *at = *path;
	long camera = 1;

	if (strncmp(at, "/webcam", 7) != 0)
		return 0;
	at += 7;
	if (*at >= '2' && *at <= '4')
		camera = *at++ - '0';
	if (*at != '/' && *at != '\0')
		return 0;
	*path = *at == '\0' ? "/" : at;
	return camera;
}

static void route_foreign(struct http_peer *p, const char *path)
{
	const long camera = strip_webcam(&path);

	if (strcmp(path, "/") == 0 && route_action(p, camera))
		return;
	if (camera != 0 && strcmp(path, "/") == 0)
		no_such_path(p);
	else
		route_row(p, path, camera);
}

/* --- Ours ------------------------------------------------------------------------------------- */

static void socket_of(struct http_peer *p, bool is_many)
{
	if (method_of(p) == FR_HTTP_GET)
		fr_http_ws(p, is_many);
	else
		refuse_method(p, "Allow: GET\r\n");
}

/* /streams/NAME… */
static void route_stream(struct http_peer *p, const char *rest)
{
	const size_t n = strcspn(rest, "./");
	const char *end = rest + n;

	if (n > FR_NAME_MAX) {
		no_such_path(p);
		return;
	}
	memcpy(p->stream, rest, n);
	p->stream[n] = '\0';
	if (!fr_text_is_name(p->stream)) {
		p->stream[0] = '\0';
		no_such_path(p);
	} else if (strcmp(end, ".mjpg") == 0) {
		watch(p, MJPEG);
	} else if (strcmp(end, ".jpg") == 0) {
		watch(p, SNAPSHOT);
	} else if (*end == '\0' && is_writing(p)) {
		fr_http_publish(p);
	} else if (*end == '\0' && is_reading(p)) {
		fr_http_stream(p);
	} else if (strcmp(end, "/ws") == 0) {
		socket_of(p, false);
	} else if (strcmp(end, "/messages") == 0 && method_of(p) == FR_HTTP_POST) {
		fr_http_message(p);
	} else if (strcmp(end, "/messages") == 0 && is_reading(p)) {
		fr_http_messages(p);
	} else if (strcmp(end, "/messages") == 0) {
		refuse_method(p, "Allow: GET, HEAD, POST, OPTIONS\r\n");
	} else {
		no_such_path(p);
	}
}

/* What may be done is the same everywhere; whether another host's page may read the answer is said by its origin. */
static void answer_options(struct http_peer *p)
{
	const char *origin = fr_http_head_request(p->head)->origin;

	fr_http_answer(p, 204, NULL,
	    origin != NULL && fr_http_origin_is_allowed(p, origin)
	        ? "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n"
	          "Access-Control-Allow-Methods: GET, HEAD, POST, PUT\r\n"
	          "Access-Control-Allow-Headers: Content-Type, If-None-Match, Cache-Control\r\n"
	          "Access-Control-Max-Age: 600\r\n"
	        : "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n",
	    "", 0);
}

/* motionEye asks Motion's stream port so, and wants pictures. */
static void route_root(struct http_peer *p)
{
	const struct fr_http_request *r = fr_http_head_request(p->head);

	if (route_action(p, 1))
		return;
	if (!is_reading(p))
		refuse_method(p, ALLOW_READING);
	else if (r->minor == 0 && !fr_http_head_lists(p->head, "accept", "text/html")) {
		if (take_default(p))
			fr_http_mjpeg(p);
	} else
		fr_http_page(p);
}

void fr_http_route(struct http_peer *p)
{
	static const struct {
		const char *path;
		void (*answer)(struct http_peer *p);
	} ours[] = {
	    {"/healthz", fr_http_health},
	    {"/streams", fr_http_streams},
	    {"/events", fr_http_events},
	    {"/status", fr_http_status},
	    {"/subscribers", fr_http_subscribers},
	    {"/metrics", fr_http_metrics},
	};
	const char *path = fr_http_head_request(p->head)->path;

	if (method_of(p) == FR_HTTP_OTHER) {
		p->closes = true; /* who writes `get` may mean something else by the rest, too */
		fr_http_fail(p, 501, FR_REASON_http_method, "this method is not known here");
		return;
	}
	if (method_of(p) == FR_HTTP_OPTIONS) {
		answer_options(p);
		return;
	}
	if (!is_reading(p) && !is_writing(p)) {
		p->closes = true; /* behind a CONNECT comes what is not for us */
		refuse_method(p, strncmp(path, "/streams/", 9) == 0
		                     ? "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n"
		                     : ALLOW_READING);
		return;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(ours[i].path, path) != 0)
			continue;
		if (is_reading(p))
			ours[i].answer(p);
		else
			refuse_method(p, ALLOW_READING);
		return;
	}
	if (strcmp(path, "/") == 0)
		route_root(p);
	else if (strcmp(path, "/ws") == 0)
		socket_of(p, true);
	else if (strncmp(path, "/page/", 6) == 0 && is_reading(p))
		fr_http_page_file(p, path + 6);
	else if (strncmp(path, "/page/", 6) == 0)
		refuse_method(p, ALLOW_READING);
	else if (strncmp(path, "/streams/", 9) == 0)
		route_stream(p, path + 9);
	else
		route_foreign(p, path);
}
