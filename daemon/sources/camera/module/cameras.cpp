/* SPDX-License-Identifier: MIT */
/* libcamera's manager, and which camera is meant. */
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iosfwd> /* which libcamera's header forgets */
#include <libcamera/logging.h>
#include <mutex>
#include <set>
#include <utility>

#include "daemon/sources/camera/module/inside.hpp"

using namespace libcamera;

namespace fr
{

void fail(int err, const std::string &text)
{
	throw failure{err, text};
}

/* What all holds have in common. */
struct holds {
	std::mutex life; /* of the manager */
	std::unique_ptr<CameraManager> manager;

	std::mutex news; /* for what follows; never waits for `life` */
	std::set<const hold *> all;
	bool has_lost = false;

	static holds &it()
	{
		static holds one;
		return one;
	}

	void begin();

	/* In libcamera's thread. */
	void on_removed(std::shared_ptr<Camera> which)
	{
		const std::lock_guard<std::mutex> guard(news);

		(void)which;
		has_lost = true;
		for (const hold *h : all)
			h->lost();
	}
};

void holds::begin()
{
	/* What is wrong is told by us, once; whoever wants all of it asks for it. */
	if (std::getenv("LIBCAMERA_LOG_LEVELS") == nullptr)
		(void)logSetTarget(LoggingTargetNone);
	has_lost = false;
	manager = std::make_unique<CameraManager>();
	manager->cameraRemoved.connect(this, &holds::on_removed);
	if (const int r = manager->start(); r < 0) {
		manager.reset();
		fail(-r, std::string("libcamera cannot start: ") + std::strerror(-r));
	}
}

hold::hold(std::function<void()> on_lost) : lost(std::move(on_lost))
{
	holds &h = holds::it();
	const std::lock_guard<std::mutex> life(h.life);
	const bool is_new = !h.manager;

	if (is_new)
		h.begin();
	const std::lock_guard<std::mutex> news(h.news);
	if (h.has_lost && !is_new)
		fail(EAGAIN, "another camera was unplugged, and libcamera has not begun anew yet");
	h.all.insert(this);
	if (h.has_lost)
		lost();
}

hold::~hold()
{
	holds &h = holds::it();
	const std::lock_guard<std::mutex> life(h.life);
	bool is_last;

	{
		const std::lock_guard<std::mutex> news(h.news);
		h.all.erase(this);
		is_last = h.all.empty();
	}
	if (!is_last)
		return;
	h.manager->stop();
	h.manager.reset();
}

CameraManager &hold::manager() const
{
	return *holds::it().manager;
}

std::string model_of(const Camera &camera)
{
	return std::string(camera.properties().get(properties::Model).value_or(""));
}

const char *location_of(const Camera &camera)
{
	switch (camera.properties().get(properties::Location).value_or(-1)) {
	case properties::CameraLocationFront:
		return "front";
	case properties::CameraLocationBack:
		return "back";
	case properties::CameraLocationExternal:
		return "external";
	default:
		return "";
	}
}

static bool is_wanted(const Camera &camera, size_t number, const std::string &id)
{
	const std::string &whole = camera.id();

	return model_of(camera) == id || std::to_string(number) == id ||
	       whole.compare(0, id.size(), id) == 0 ||
	       (whole.size() > id.size() &&
	           whole.compare(whole.size() - id.size(), id.size(), id) == 0);
}

std::shared_ptr<Camera> find_camera(CameraManager &cm, const std::string &id)
{
	const auto cameras = cm.cameras();
	std::string names;

	for (const auto &camera : cameras)
		if (camera->id() == id)
			return camera;
	for (size_t i = 0; i < cameras.size(); i++) {
		if (is_wanted(*cameras[i], i, id))
			return cameras[i];
		names += (names.empty() ? "" : ", ") + cameras[i]->id();
	}
	if (cameras.empty())
		fail(ENODEV,
		    "no camera is there: is it plugged in, and may this user open /dev/video* "
		    "(group video)?");
	fail(ENODEV, "no camera \"" + id + "\"; there are: " + names);
}

} /* namespace fr */
