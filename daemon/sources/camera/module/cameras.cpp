/* SPDX-License-Identifier: MIT */
/* libcamera's manager, and which camera is meant. */
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iosfwd> /* which libcamera's header forgets */
#include <libcamera/logging.h>
#include <mutex>

#include "daemon/sources/camera/module/inside.hpp"

using namespace libcamera;

namespace fr
{

void fail(int err, const std::string &text)
{
	throw failure{err, text};
}

std::shared_ptr<CameraManager> manager()
{
	static std::mutex lock;
	static std::weak_ptr<CameraManager> shared;
	const std::lock_guard<std::mutex> guard(lock);
	std::shared_ptr<CameraManager> cm = shared.lock();

	if (cm)
		return cm;
	/* What is wrong is told by us, once; whoever wants all of it asks for it. */
	if (std::getenv("LIBCAMERA_LOG_LEVELS") == nullptr)
		(void)logSetTarget(LoggingTargetNone);
	cm = std::shared_ptr<CameraManager>(new CameraManager(), [](CameraManager *it) {
		it->stop();
		delete it;
	});
	if (const int r = cm->start(); r < 0)
		fail(-r, std::string("libcamera cannot start: ") + std::strerror(-r));
	shared = cm;
	return cm;
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
