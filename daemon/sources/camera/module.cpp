/* SPDX-License-Identifier: MIT */
/*
 * libcamera behind camera.h: the only C++ here, one source for libcamera 0.0.3 to 0.7.
 *
 * libcamera calls from its own thread; it finds a queue behind a lock and an eventfd, no more. What C calls is
 * noexcept, or all of it is in guarded(), which turns what is thrown into -errno.
 */
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <libcamera/libcamera.h>
#include <libcamera/logging.h>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

#include <sys/eventfd.h>
#include <sys/mman.h>

#include "common/base/cause.h"
#include "daemon/sources/camera/camera.h"

using namespace libcamera;

#define LIBCAMERA                                                                                  \
	(LIBCAMERA_VERSION_MAJOR * 1000000 + LIBCAMERA_VERSION_MINOR * 1000 +                      \
	    LIBCAMERA_VERSION_PATCH)
#define TEXT(x)    #x
#define TEXT_OF(x) TEXT(x)

namespace
{

/* What is thrown inside, and returned to C. */
struct failure {
	int err;
	std::string text;
};

[[noreturn]] void fail(int err, const std::string &text)
{
	throw failure{err, text};
}

/* Runs `body`, and gives what it throws to C. */
template <typename body_fn> int guarded(struct fr_cause *why, body_fn body) noexcept
{
	const auto tell = [why](int err, const char *text) {
		if (why != nullptr)
			(void)std::snprintf(why->text, sizeof(why->text), "%s", text);
		return -err;
	};

	try {
		body();
		return 0;
	} catch (const failure &f) {
		return tell(f.err, f.text.c_str());
	} catch (const std::bad_alloc &) {
		return tell(ENOMEM, "no memory for the camera");
	} catch (const std::exception &e) {
		return tell(EIO, e.what());
	} catch (...) {
		return tell(EIO, "libcamera failed");
	}
}

/*
 * libcamera allows one manager a process; it lives while somebody has a camera. Nothing else here is shared.
 * A manager that has no camera when it is asked is made anew: it sees what was plugged in since.
 */
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

/* ---- which camera ---- */

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

bool is_wanted(const Camera &camera, size_t number, const std::string &id)
{
	const std::string &whole = camera.id();

	return model_of(camera) == id || std::to_string(number) == id ||
	       whole.compare(0, id.size(), id) == 0 ||
	       (whole.size() > id.size() &&
	           whole.compare(whole.size() - id.size(), id.size(), id) == 0);
}

std::shared_ptr<Camera> find(CameraManager &cm, const std::string &id)
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

/* ---- formats ---- */

struct known_format {
	enum fr_camera_format format;
	PixelFormat pixels;
};

/* The first that fits is taken: MJPEG stands before what we would have to encode. */
const std::vector<known_format> &known_formats()
{
	static const std::vector<known_format> all = {
	    {FR_CAMERA_MJPEG, formats::MJPEG},
	    {FR_CAMERA_YUV420, formats::YUV420},
	    {FR_CAMERA_NV12, formats::NV12},
	    {FR_CAMERA_YUYV, formats::YUYV},
	    {FR_CAMERA_RGB, formats::BGR888},
	    {FR_CAMERA_BGR, formats::RGB888},
	};
	return all;
}

const known_format *known(const PixelFormat &pixels)
{
	for (const known_format &f : known_formats())
		if (f.pixels == pixels)
			return &f;
	return nullptr;
}

/* Sets size and format, as the camera then takes them. */
CameraConfiguration::Status configure(
    CameraConfiguration &config, const Size &size, const PixelFormat &pixels)
{
	StreamConfiguration &stream = config.at(0);

	stream.pixelFormat = pixels;
	stream.size = size;
	stream.bufferCount = 4;
	return config.validate();
}

/* How far a size is from the one wanted. */
uint64_t distance(const Size &a, const Size &b)
{
	return static_cast<uint64_t>(std::llabs(static_cast<long long>(a.width) - b.width)) +
	       static_cast<uint64_t>(std::llabs(static_cast<long long>(a.height) - b.height));
}

/* The format whose size comes nearest to the one wanted; among equals the one that costs least. */
const known_format &choose(CameraConfiguration &config, const Size &size)
{
	const known_format *best = nullptr;
	uint64_t best_distance = 0;
	std::string offered;

	for (const known_format &f : known_formats()) {
		if (configure(config, size, f.pixels) == CameraConfiguration::Invalid ||
		    config.at(0).pixelFormat != f.pixels)
			continue;
		const uint64_t d = distance(config.at(0).size, size);
		if (best == nullptr || d < best_distance) {
			best = &f;
			best_distance = d;
		}
	}
	if (best != nullptr)
		return *best;
	for (const PixelFormat &f : config.at(0).formats().pixelformats())
		offered += " " + f.toString();
	fail(EINVAL, "the camera gives no format that can be encoded; it offers:" + offered);
}

/* Asks for the turning; says what the camera does of it. */
void orient(
    CameraConfiguration &config, const struct fr_camera_wish &wish, struct fr_camera_mode &mode)
{
#if LIBCAMERA >= 2000
	static const Orientation all[2][2] = {
	    {Orientation::Rotate0, Orientation::Rotate180Mirror},
	    {Orientation::Rotate0Mirror, Orientation::Rotate180},
	};

	config.orientation = all[wish.hflip][wish.vflip];
	if (config.validate() == CameraConfiguration::Invalid)
		fail(EINVAL, "the camera refuses its own configuration");
	for (int h = 0; h < 2; h++)
		for (int v = 0; v < 2; v++)
			if (config.orientation == all[h][v]) {
				mode.hflip = h != 0;
				mode.vflip = v != 0;
			}
#else
	Transform wanted = Transform::Identity;

	if (wish.hflip)
		wanted = wanted ^ Transform::HFlip;
	if (wish.vflip)
		wanted = wanted ^ Transform::VFlip;
	config.transform = wanted;
	if (config.validate() == CameraConfiguration::Invalid)
		fail(EINVAL, "the camera refuses its own configuration");
	mode.hflip = !!(config.transform & Transform::HFlip);
	mode.vflip = !!(config.transform & Transform::VFlip);
#endif
}

/* ---- controls ---- */

const ControlId *find_control(const ControlInfoMap &there, const std::string &name)
{
	std::vector<std::string> names;
	std::string all;

	for (const auto &entry : there) {
		if (entry.first->name() == name)
			return entry.first;
		names.push_back(entry.first->name());
	}
	std::sort(names.begin(), names.end());
	for (const std::string &n : names)
		all += (all.empty() ? "" : ", ") + n;
	fail(EINVAL, "this camera has no control \"" + name +
	                 "\"; it has: " + (all.empty() ? std::string("none") : all));
}

[[noreturn]] void bad_value(
    const std::string &name, const std::string &text, const std::string &allowed)
{
	fail(EINVAL, "control " + name + ": \"" + text + "\" is not " + allowed);
}

/* What libcamera keeps texts in: std::string, since 0.5 std::string_view. */
using text_type = std::decay_t<decltype(properties::Model)>::type;

/* Several numbers, with something between them. */
std::vector<double> numbers_of(const std::string &text)
{
	std::vector<double> numbers;
	const char *at = text.c_str();

	while (*at != '\0') {
		char *end;
		const double number = std::strtod(at, &end);

		if (end == at)
			return {};
		numbers.push_back(number);
		at = end + std::strspn(end, " ,x");
	}
	return numbers;
}

template <typename number_type> ControlValue array_of(const std::vector<double> &numbers)
{
	std::vector<number_type> values;

	for (const double n : numbers)
		values.push_back(static_cast<number_type>(n));
	if (values.size() == 1)
		return ControlValue(values[0]);
	return ControlValue(Span<const number_type>(values.data(), values.size()));
}

/* An enumeration by the name of its value, where libcamera knows it: AfMode=Continuous, AfMode=AfModeContinuous. */
bool named_value(const ControlId &id, const std::string &text, int32_t &ret)
{
#if LIBCAMERA >= 4000
	for (const auto &entry : id.enumerators())
		if (entry.second == text || entry.second == id.name() + text) {
			ret = entry.first;
			return true;
		}
#endif
	if (id.name() != "AfMode")
		return false;
	if (text == "Manual")
		ret = controls::AfModeManual;
	else if (text == "Auto")
		ret = controls::AfModeAuto;
	else if (text == "Continuous")
		ret = controls::AfModeContinuous;
	else
		return false;
	return true;
}

ControlValue value_of(const ControlId &id, const ControlInfo &info, const std::string &text)
{
	const std::vector<double> numbers = numbers_of(text);
	int32_t named;

	if (id.type() == ControlTypeBool) {
		if (text == "true" || text == "1")
			return ControlValue(true);
		if (text == "false" || text == "0")
			return ControlValue(false);
		bad_value(id.name(), text, "true or false");
	}
	if (id.type() == ControlTypeString)
		return ControlValue(text_type(text));
	if (id.type() == ControlTypeInteger32 && named_value(id, text, named))
		return ControlValue(named);
	if (numbers.empty())
		bad_value(id.name(), text, "a number in " + info.toString());
	switch (id.type()) {
	case ControlTypeByte:
		return array_of<uint8_t>(numbers);
	case ControlTypeInteger32:
		return array_of<int32_t>(numbers);
	case ControlTypeInteger64:
		return array_of<int64_t>(numbers);
	case ControlTypeFloat:
		return array_of<float>(numbers);
	case ControlTypeRectangle:
		if (numbers.size() == 4)
			return ControlValue(Rectangle(static_cast<int>(numbers[0]),
			    static_cast<int>(numbers[1]), static_cast<unsigned>(numbers[2]),
			    static_cast<unsigned>(numbers[3])));
		bad_value(id.name(), text, "four numbers: x,y,width,height");
	default:
		fail(EINVAL, "control " + id.name() + " has a type that cannot be set by name");
	}
}

/* Numbers beyond what the camera says it takes. */
void check_range(const ControlId &id, const ControlInfo &info, const ControlValue &value)
{
	const bool comparable = !value.isArray() && value.type() == info.min().type() &&
	                        value.type() == info.max().type();
	const auto refuse = [&] {
		bad_value(id.name(), value.toString(), "in " + info.toString());
	};

	if (!comparable)
		return;
	if (value.type() == ControlTypeFloat && (value.get<float>() < info.min().get<float>() ||
	                                            value.get<float>() > info.max().get<float>()))
		refuse();
	if (value.type() == ControlTypeInteger32 &&
	    (value.get<int32_t>() < info.min().get<int32_t>() ||
	        value.get<int32_t>() > info.max().get<int32_t>()))
		refuse();
}

/* What the camera is started with. */
ControlList controls_for(const Camera &camera, const struct fr_camera_wish &wish)
{
	const ControlInfoMap &there = camera.controls();
	ControlList list(controls::controls);

	if (there.find(&controls::AfMode) != there.end())
		list.set(controls::AfMode, static_cast<int32_t>(controls::AfModeContinuous));
	if (wish.interval_us > 0 && there.find(&controls::FrameDurationLimits) != there.end()) {
		const int64_t limits[2] = {wish.interval_us, wish.interval_us};

		list.set(controls::FrameDurationLimits, Span<const int64_t, 2>(limits));
	}
	for (size_t i = 0; i < wish.control_count; i++) {
		const std::string text = wish.controls[i];
		const size_t equals = text.find('=');

		if (equals == std::string::npos || equals == 0)
			fail(EINVAL, "control \"" + text + "\" is not NAME=VALUE");
		const ControlId &id = *find_control(there, text.substr(0, equals));
		const ControlInfo &info = there.at(id.id());
		const ControlValue value = value_of(id, info, text.substr(equals + 1));
		check_range(id, info, value);
		list.set(id.id(), value);
	}
	return list;
}

/* ---- buffers ---- */

/* Memory of one descriptor; planes of a buffer may share it. */
struct mapping {
	void *memory = MAP_FAILED;
	size_t size = 0;

	mapping(int fd, size_t bytes) : size(bytes)
	{
		memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
		if (memory == MAP_FAILED)
			fail(errno, std::string("a buffer of the camera cannot be mapped: ") +
			                std::strerror(errno));
	}
	mapping(const mapping &) = delete;
	mapping &operator=(const mapping &) = delete;
	~mapping()
	{
		if (memory != MAP_FAILED)
			(void)::munmap(memory, size);
	}
};

struct plane {
	const uint8_t *bytes;
	size_t size;
};

} /* namespace */

struct fr_camera {
	std::shared_ptr<CameraManager> cm;
	std::shared_ptr<Camera> camera;
	std::unique_ptr<CameraConfiguration> config;
	std::unique_ptr<FrameBufferAllocator> allocator;
	std::vector<std::unique_ptr<mapping>> mappings;
	std::vector<std::vector<plane>> planes; /* of each buffer */
	std::vector<std::unique_ptr<Request>> requests;
	enum fr_camera_format format = FR_CAMERA_MJPEG;
	Size size;
	unsigned stride = 0;
	bool is_acquired = false, is_started = false;

	int fd = -1;
	std::mutex lock; /* for what follows */
	std::deque<Request *> done;
	bool is_gone = false;

	fr_camera() : fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
	{
		if (fd < 0)
			fail(errno, "no descriptor is left for the camera");
	}
	fr_camera(const fr_camera &) = delete;
	fr_camera &operator=(const fr_camera &) = delete;
	~fr_camera();

	void open(const struct fr_camera_wish &wish, struct fr_camera_mode &mode);
	void map_buffers(Stream *stream);
	void start(const ControlList &controls);
	int take(struct fr_camera_picture &ret);
	bool picture_of(Request &request, struct fr_camera_picture &ret) const;

	/* In libcamera's thread. */
	void on_completed(Request *request);
	void on_disconnected();
	void wake() const
	{
		static const uint64_t one = 1;

		(void)!::write(fd, &one, sizeof(one)); /* at its limit it is readable already */
	}
};

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

	cm = manager();
	camera = find(*cm, wish.id);
	if (const int r = camera->acquire(); r < 0)
		fail(EBUSY, "camera " + camera->id() +
		                " is in use by another program: stop that one first");
	is_acquired = true;
	config = camera->generateConfiguration({StreamRole::VideoRecording});
	if (!config || config->empty())
		fail(EINVAL, "camera " + camera->id() + " gives no video");
	const ControlList controls = controls_for(*camera, wish);
	format = choose(*config, wanted).format;
	if (configure(*config, wanted, choose(*config, wanted).pixels) ==
	    CameraConfiguration::Invalid)
		fail(EINVAL, "camera " + camera->id() + " refuses its own format");
	orient(*config, wish, mode);
	if (const int r = camera->configure(config.get()); r < 0)
		fail(r == -EACCES ? EBUSY : -r,
		    "camera " + camera->id() + " cannot be configured: " + std::strerror(-r));
	const StreamConfiguration &stream = config->at(0);
	const known_format *now = known(stream.pixelFormat);
	if (now == nullptr)
		fail(EINVAL, "camera " + camera->id() + " gives " + stream.pixelFormat.toString() +
		                 ", which cannot be encoded");
	format = now->format;
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
	cm.reset();
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

/* ---- the functions that C calls ---- */

namespace
{

/* "1280x720-MJPEG 640x480-YUYV": each format with its largest sizes. */
std::string modes_of(Camera &camera)
{
	std::vector<std::pair<Size, std::string>> all;
	const auto config = camera.generateConfiguration({StreamRole::VideoRecording});
	std::string text;

	if (!config || config->empty())
		return text;
	const StreamFormats &offered = config->at(0).formats();
	for (const PixelFormat &pixels : offered.pixelformats())
		if (known(pixels) != nullptr)
			for (const Size &size : offered.sizes(pixels))
				all.emplace_back(size, pixels.toString());
	std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
		return static_cast<uint64_t>(a.first.width) * a.first.height >
		       static_cast<uint64_t>(b.first.width) * b.first.height;
	});
	for (const auto &[size, name] : all)
		text += (text.empty() ? "" : " ") + std::to_string(size.width) + "x" +
		        std::to_string(size.height) + "-" + name;
	return text;
}

int list_cameras(
    void (*each)(void *arg, const struct fr_camera_info *info), void *arg, struct fr_cause *why)
{
	return guarded(why, [&] {
		const auto cm = manager();

		for (const auto &camera : cm->cameras()) {
			const std::string id = camera->id();
			const std::string model = model_of(*camera);
			const std::string modes = modes_of(*camera);
			const struct fr_camera_info info = {
			    id.c_str(), model.c_str(), location_of(*camera), modes.c_str()};

			each(arg, &info);
		}
	});
}

int open_camera(const struct fr_camera_wish *wish, struct fr_camera **ret,
    struct fr_camera_mode *ret_mode, struct fr_cause *why)
{
	return guarded(why, [&] {
		auto camera = std::make_unique<fr_camera>();
		struct fr_camera_mode mode = {};

		camera->open(*wish, mode);
		*ret_mode = mode;
		*ret = camera.release();
	});
}

int wait_fd(const struct fr_camera *camera) noexcept
{
	return camera->fd;
}

int take(struct fr_camera *camera, struct fr_camera_picture *ret) noexcept
{
	int result = -EIO;
	const int r = guarded(nullptr, [&] { result = camera->take(*ret); });

	return r < 0 ? r : result;
}

void give_back(struct fr_camera *camera, unsigned buffer) noexcept
{
	(void)guarded(nullptr, [&] {
		Request *request = camera->requests.at(buffer).get();

		request->reuse(Request::ReuseBuffers);
		(void)camera->camera->queueRequest(request); /* as in take() */
	});
}

void close_camera(struct fr_camera *camera) noexcept
{
	(void)guarded(nullptr, [&] { delete camera; });
}

const struct fr_camera_ops module_ops = {
    FR_CAMERA_ABI,
    "libcamera " TEXT_OF(LIBCAMERA_VERSION_MAJOR) "." TEXT_OF(LIBCAMERA_VERSION_MINOR) "." TEXT_OF(
        LIBCAMERA_VERSION_PATCH),
    list_cameras,
    open_camera,
    wait_fd,
    take,
    give_back,
    close_camera,
};

} /* namespace */

extern "C" const struct fr_camera_ops *fr_camera_module(void)
{
	return &module_ops;
}
