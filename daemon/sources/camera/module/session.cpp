/* SPDX-License-Identifier: MIT */
/*
 * From opening to closing.
 *
 * libcamera calls from its own thread; it finds a queue behind a lock and an eventfd, no more.
 */
#include "daemon/sources/camera/module/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

using namespace libcamera;
using namespace fr;

void fr_camera::on_completed(Request *request)
{
	if (request->status() == Request::RequestCancelled)
		return;
	const std::lock_guard<std::mutex> guard(lock);
	done.push_back(request);
	wake();
}

void fr_camera::on_disconnected()
{
	const std::lock_guard<std::mutex> guard(lock);
	is_gone = true;
	wake();
}

void fr_camera::on_lost()
{
	const std::lock_guard<std::mutex> guard(lock);
	is_stale = true;
	wake();
}

void fr_camera::map_buffers(Stream *stream)
{
	for (const auto &buffer : allocator->buffers(stream)) {
		std::map<int, size_t> ends;
		std::map<int, const uint8_t *> bases;
		std::vector<plane> these;
		const auto parts = buffer->planes();

		for (const auto &part : parts)
			ends[part.fd.get()] = std::max(
			    ends[part.fd.get()], static_cast<size_t>(part.offset) + part.length);
		for (const auto &[at, bytes] : ends) {
			mappings.push_back(std::make_unique<mapping>(at, bytes));
			bases[at] = static_cast<const uint8_t *>(mappings.back()->memory);
		}
		for (const auto &part : parts)
			these.push_back({bases[part.fd.get()] + part.offset, part.length});
		planes.push_back(these);
	}
}

void fr_camera::start(const ControlList &controls)
{
	const auto &buffers = allocator->buffers(config->at(0).stream());

	for (size_t i = 0; i < buffers.size() && i < FR_CAMERA_BUFFERS; i++) {
		std::unique_ptr<Request> request = camera->createRequest(i);

		if (!request || request->addBuffer(config->at(0).stream(), buffers[i].get()) < 0)
			fail(ENOMEM, "the camera takes no request");
		requests.push_back(std::move(request));
	}
	camera->requestCompleted.connect(this, &fr_camera::on_completed);
	camera->disconnected.connect(this, &fr_camera::on_disconnected);
	if (const int r = camera->start(&controls); r < 0)
		fail(r == -EACCES ? EBUSY : -r,
		    "camera " + camera->id() + " does not start: " + std::strerror(-r));
	is_started = true;
	for (const auto &request : requests)
		if (const int r = camera->queueRequest(request.get()); r < 0)
			fail(-r,
			    "camera " + camera->id() + " takes no buffer: " + std::strerror(-r));
}

void fr_camera::open(const struct fr_camera_wish &wish, struct fr_camera_mode &mode)
{
	const Size wanted(wish.width, wish.height);

	library = std::make_unique<hold>([this] { on_lost(); });
	camera = find_camera(library->manager(), wish.id);
	if (const int r = camera->acquire(); r < 0)
		fail(EBUSY, "camera " + camera->id() +
		                " is in use by another program: stop that one first");
	is_acquired = true;
	config = camera->generateConfiguration({StreamRole::VideoRecording});
	if (!config || config->empty())
		fail(EINVAL, "camera " + camera->id() + " gives no video");
	const ControlList controls = controls_for(*camera, wish);
	choose_format(*config, wanted);
	orient(*config, wish, mode);
	if (const int r = camera->configure(config.get()); r < 0)
		fail(r == -EACCES ? EBUSY : -r,
		    "camera " + camera->id() + " cannot be configured: " + std::strerror(-r));
	const StreamConfiguration &stream = config->at(0);
	if (!format_of(stream.pixelFormat, format))
		fail(EINVAL, "camera " + camera->id() + " gives " + stream.pixelFormat.toString() +
		                 ", which cannot be encoded");
	size = stream.size;
	stride = stream.stride;
	allocator = std::make_unique<FrameBufferAllocator>(camera);
	if (const int r = allocator->allocate(stream.stream()); r < 0)
		fail(r == -EBUSY ? EBUSY : ENOMEM,
		    "camera " + camera->id() + " gives no buffers: " + std::strerror(-r));
	map_buffers(stream.stream());
	start(controls);
	mode.format = format;
	mode.width = size.width;
	mode.height = size.height;
	(void)std::snprintf(mode.id, sizeof(mode.id), "%s", camera->id().c_str());
}

/* In libcamera's order; after an unplug too. */
fr_camera::~fr_camera()
{
	if (is_started)
		(void)camera->stop();
	if (camera) {
		camera->requestCompleted.disconnect(this);
		camera->disconnected.disconnect(this);
	}
	requests.clear();
	mappings.clear();
	if (allocator && config && config->at(0).stream() != nullptr)
		(void)allocator->free(config->at(0).stream());
	allocator.reset();
	config.reset();
	if (is_acquired)
		(void)camera->release();
	camera.reset();
	library.reset();
	if (fd >= 0)
		(void)::close(fd);
}

/* Says where its planes are. @return false: it is no good */
bool fr_camera::picture_of(Request &request, struct fr_camera_picture &ret) const
{
	const FrameBuffer *buffer = request.buffers().begin()->second;
	const auto &metadata = buffer->metadata();
	const std::vector<plane> &these = planes.at(request.cookie());
	const auto &sensed = request.metadata();
	const size_t chroma_lines = (size.height + 1) / 2;

	if (metadata.status != FrameMetadata::FrameSuccess || these.empty())
		return false;
	ret = {};
	ret.buffer = static_cast<unsigned>(request.cookie());
	for (size_t i = 0; i < 3 && i < these.size(); i++) {
		ret.planes[i] = these[i].bytes;
		ret.sizes[i] = these[i].size;
	}
	ret.taken_ns = sensed.get(controls::SensorTimestamp)
	                   .value_or(static_cast<int64_t>(metadata.timestamp));
	if (format == FR_CAMERA_MJPEG) {
		const auto parts = metadata.planes();

		if (parts.empty() || parts[0].bytesused == 0 || parts[0].bytesused > these[0].size)
			return false;
		ret.sizes[0] = parts[0].bytesused;
		return true;
	}
	ret.strides[0] = stride;
	ret.strides[1] = ret.strides[2] = format == FR_CAMERA_YUV420 ? stride / 2 : stride;
	/* Some drivers describe all planes as one. */
	const size_t wanted = format == FR_CAMERA_YUV420 ? 3 : format == FR_CAMERA_NV12 ? 2 : 1;
	const size_t starts[3] = {0, static_cast<size_t>(stride) * size.height,
	    static_cast<size_t>(stride) * size.height + ret.strides[1] * chroma_lines};
	for (size_t i = these.size(); i < wanted; i++) {
		if (starts[i] >= these[0].size)
			return false;
		ret.planes[i] = these[0].bytes + starts[i];
		ret.sizes[i] = these[0].size - starts[i];
	}
	return true;
}

int fr_camera::take(struct fr_camera_picture &ret)
{
	Request *request = nullptr;

	{
		const std::lock_guard<std::mutex> guard(lock);
		uint64_t ignored;

		if (is_gone)
			return -ENODEV;
		if (is_stale)
			return -ESTALE;
		if (!done.empty()) {
			request = done.front();
			done.pop_front();
		}
		if (done.empty())
			(void)!::read(fd, &ignored, sizeof(ignored));
	}
	if (request == nullptr)
		return -EAGAIN;
	if (picture_of(*request, ret))
		return 0;
	request->reuse(Request::ReuseBuffers);
	(void)camera->queueRequest(request); /* what is gone says so itself */
	return -EIO;
}
