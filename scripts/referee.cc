// The text format parser that Caffe runs, to be called in this process: see scripts/referee.py.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <memory>
#include <string>

namespace pb = google::protobuf;

namespace {

struct Silent : pb::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
  void AddWarning(int, int, const std::string&) override {}
};

pb::DescriptorPool pool;
pb::DynamicMessageFactory factory(&pool);
std::string wire;

}  // namespace

extern "C" {

// Take a FileDescriptorSet; 0 if it cannot be used.
int referee_schema(const char* data, int size) {
  pb::FileDescriptorSet files;
  if (!files.ParseFromArray(data, size)) return 0;
  for (const auto& file : files.file()) {
    if (pool.BuildFile(file) == nullptr) return 0;
  }
  pb::SetLogHandler(nullptr);
  return 1;
}

// The size of the message that a text stands for, -1 if it is refused.
int referee_parse(const char* type, const char* data, int size) {
  const pb::Descriptor* descriptor = pool.FindMessageTypeByName(type);
  if (descriptor == nullptr) return -2;
  std::unique_ptr<pb::Message> message(factory.GetPrototype(descriptor)->New());
  pb::io::ArrayInputStream input(data, size);
  pb::TextFormat::Parser parser;
  Silent silent;
  parser.RecordErrorsTo(&silent);
  if (!parser.Parse(&input, message.get())) return -1;
  wire.clear();
  {
    pb::io::StringOutputStream stream(&wire);
    pb::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message->SerializePartialToCodedStream(&output);
  }
  return static_cast<int>(wire.size());
}

// The serialised message of the last text that was taken.
const char* referee_wire() { return wire.data(); }
}
