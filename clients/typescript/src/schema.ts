// Written by `npm run client` from openapi.yaml. Do not edit.

export interface paths {
    "/v1/predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Classify an image with the default model
         * @description Classifies one image, or several, with a model that adapts itself to the batch that they become part of. Send the image itself, a form with the field `image`, or JSON with the image in base64. The bytes say what a body is, whatever the content type calls it, and a body may be compressed by gzip, deflate or br. JPEG, PNG, WebP and AVIF are read; transparent parts are seen on white, and EXIF orientation is followed.
         *
         *     Several images are several fields `image` of a form, or `images` in JSON, at most as many as the largest batch of the model. The answer is then a list of `results`, in order: for each image its prediction, or the problem that it failed with. Its status is 200 also where images failed; where every image was refused for a reason that lies in the service (429, 503, 504), it is that error.
         *
         *     `recipe`, `top_k`, `trace` and `timeout_ms` may be in the query, in JSON or in a form.
         */
        post: operations["predict"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{name}/predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Classify an image with a model
         * @description Classifies one image, or several, with a model that adapts itself to the batch that they become part of. Send the image itself, a form with the field `image`, or JSON with the image in base64. The bytes say what a body is, whatever the content type calls it, and a body may be compressed by gzip, deflate or br. JPEG, PNG, WebP and AVIF are read; transparent parts are seen on white, and EXIF orientation is followed.
         *
         *     Several images are several fields `image` of a form, or `images` in JSON, at most as many as the largest batch of the model. The answer is then a list of `results`, in order: for each image its prediction, or the problem that it failed with. Its status is 200 also where images failed; where every image was refused for a reason that lies in the service (429, 503, 504), it is that error.
         *
         *     `recipe`, `top_k`, `trace` and `timeout_ms` may be in the query, in JSON or in a form.
         */
        post: operations["predictWithModel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{name}/versions/{version}/predict": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Classify an image with a version of a model
         * @description Classifies one image, or several, with a model that adapts itself to the batch that they become part of. Send the image itself, a form with the field `image`, or JSON with the image in base64. The bytes say what a body is, whatever the content type calls it, and a body may be compressed by gzip, deflate or br. JPEG, PNG, WebP and AVIF are read; transparent parts are seen on white, and EXIF orientation is followed.
         *
         *     Several images are several fields `image` of a form, or `images` in JSON, at most as many as the largest batch of the model. The answer is then a list of `results`, in order: for each image its prediction, or the problem that it failed with. Its status is 200 also where images failed; where every image was refused for a reason that lies in the service (429, 503, 504), it is that error.
         *
         *     `recipe`, `top_k`, `trace` and `timeout_ms` may be in the query, in JSON or in a form.
         */
        post: operations["predictWithVersion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/predictions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask for a prediction that was accepted
         * @description The result of a request sent with `Prefer: respond-async` or with an `Idempotency-Key`, for some minutes. A prediction that failed is answered with the error that the request itself would have met.
         */
        get: operations["getPrediction"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the models
         * @description What is served: versions and their state, the input, the labels and the recipes of each model.
         */
        get: operations["listModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe a model */
        get: operations["getModel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the process answers
         * @description With `--processes`: whether the first process works, too. A service that is not live has to be restarted.
         */
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether requests should be sent here
         * @description Not before each version of the repository has been tried once, nor while no model serves or the queue cannot be reached, and not any more once the service is shutting down. Where keys are configured, only those with the scope `metrics` or `admin` are told the reasons; the status needs no key.
         */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.yaml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/playground": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether pictures are attacked here */
        get: operations["getPlayground"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{name}/attack": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Attack a picture (off by default)
         * @description Moves each pixel a little, so that the model errs: PGD with random start on the cross-entropy of what the model says of the picture. The picture is one image, in a body as of a prediction. One attack runs at a time, for at most 20 seconds, of a model of at most 256 x 256 pixels, and only where batches run in the server itself. Off unless DENT_PLAYGROUND is on, as it is by default on a loopback address alone; then 403.
         */
        post: operations["attackPicture"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe the server */
        get: operations["serverMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the names of the models */
        get: operations["modelNames"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe the tensors of a model */
        get: operations["modelMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe the tensors of a model */
        get: operations["versionMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a model is ready */
        get: operations["modelReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a model is ready */
        get: operations["versionReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A model's configuration in Triton's terms */
        get: operations["modelConfig"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A model's configuration in Triton's terms */
        get: operations["versionConfig"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many requests were answered, and where their time went
         * @description Counted since the version was loaded, over the processes of `--processes`. Durations are sums in nanoseconds over requests, of /v1 too; `execution_count` and `batch_stats` count runs of the engine, where rows of other processes share them by the share of the rows that were asked for here. They are totals over all callers, so a key needs the scope `metrics`.
         */
        get: operations["statistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many requests were answered, and where their time went
         * @description Counted since the version was loaded, over the processes of `--processes`. Durations are sums in nanoseconds over requests, of /v1 too; `execution_count` and `batch_stats` count runs of the engine, where rows of other processes share them by the share of the rows that were asked for here. They are totals over all callers, so a key needs the scope `metrics`.
         */
        get: operations["modelStatistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many requests were answered, and where their time went
         * @description Counted since the version was loaded, over the processes of `--processes`. Durations are sums in nanoseconds over requests, of /v1 too; `execution_count` and `batch_stats` count runs of the engine, where rows of other processes share them by the share of the rows that were asked for here. They are totals over all callers, so a key needs the scope `metrics`.
         */
        get: operations["versionStatistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/infer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Predict the rows of a tensor
         * @description Predicts the rows of one tensor, all or none. They wait in the same queue as the images of /v1 and may share their batches. The model's one input takes FP32 [N, C, H, W], normalised as the model wants it, or UINT8 of the same shape: pixels, which the server normalises. Outputs are the adapted logits under the name that the model gives them, `static_logits` of the model as it is, and `entropy` [N, steps + 1] in nats. Tensors are JSON, or bytes behind the JSON (binary tensor data extension), whose length the header `Inference-Header-Content-Length` tells; 0 there means that the body is one image of the type that the metadata names and nothing else. A body may be compressed with gzip, deflate or br; answers never are.
         */
        post: operations["infer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/infer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Predict the rows of a tensor
         * @description Predicts the rows of one tensor, all or none. They wait in the same queue as the images of /v1 and may share their batches. The model's one input takes FP32 [N, C, H, W], normalised as the model wants it, or UINT8 of the same shape: pixels, which the server normalises. Outputs are the adapted logits under the name that the model gives them, `static_logits` of the model as it is, and `entropy` [N, steps + 1] in nats. Tensors are JSON, or bytes behind the JSON (binary tensor data extension), whose length the header `Inference-Header-Content-Length` tells; 0 there means that the body is one image of the type that the metadata names and nothing else. A body may be compressed with gzip, deflate or br; answers never are.
         */
        post: operations["inferWithVersion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/repository/index": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * List the versions in the repository and their states
         * @description The body may be empty, or `{"ready": true}` for the ready ones only.
         */
        post: operations["repositoryIndex"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/repository/models/{model}/load": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Load a model as the repository holds it now
         * @description Answers when the model is served, or with why it cannot be; what served before goes on then. Concerns this process alone. The body may be empty.
         */
        post: operations["loadModel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/repository/models/{model}/unload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Serve a model no more until it is loaded again
         * @description Answers when what was accepted for the model is answered. Concerns this process alone, until it ends. The body may be empty.
         */
        post: operations["unloadModel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Problem: {
            /** @description A URN that names the kind of problem; it cannot be fetched. */
            type: string;
            /** @description The kind of problem in a few words. */
            title: string;
            /** @description The HTTP status again. */
            status: number;
            /** @description What went wrong this time, one sentence for a person to read. */
            detail: string;
            /** @description The kind of problem for a program to read. */
            code: components["schemas"]["ErrorCode"];
        };
        ImageRequest: {
            /**
             * Format: byte
             * @description The image in base64, of either alphabet, with or without padding and line breaks; or a data: URL.
             */
            image: string;
            /** @description One of the model's recipes; its default where none is named. */
            recipe?: string;
            /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
            top_k?: number;
            /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
            trace?: boolean;
            /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
            timeout_ms?: number;
        };
        ImagesRequest: {
            /** @description At most as many as the model's largest batch. */
            images: string[];
            /** @description One of the model's recipes; its default where none is named. */
            recipe?: string;
            /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
            top_k?: number;
            /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
            trace?: boolean;
            /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
            timeout_ms?: number;
        };
        Prediction: {
            /** @description Names this prediction. */
            id: string;
            model: components["schemas"]["ServedBy"];
            /** @description The top classes after adaptation, the most probable first. */
            predictions: components["schemas"]["ClassProbability"][];
            /** @description The top class of the model as it is, without adaptation. Absent for keys that are told nothing of the model as it is. */
            static?: components["schemas"]["ClassProbability"];
            adaptation: components["schemas"]["Adaptation"];
            /** @description How the adaptation went, where it was asked for. Absent for keys that are told nothing of the model as it is. */
            trace?: components["schemas"]["Trace"];
            /** @description The batch that the image was part of. */
            batch: components["schemas"]["Batch"];
            /** @description Where the time went, in milliseconds. */
            timing_ms: components["schemas"]["Timing"];
        };
        PredictionResults: {
            /** @description For each image in order its prediction, or the problem that it failed with. */
            results: (components["schemas"]["Prediction"] | components["schemas"]["Problem"])[];
        };
        AcceptedPrediction: {
            /** @description Names the prediction. */
            id: string;
            /**
             * @description `done` where the answer is available already, because the request was sent before.
             * @enum {string}
             */
            status: "pending" | "done";
        };
        /** @description One complete set of adaptation settings. */
        Recipe: {
            /** @description Updates for each batch; 0 predicts with the unadapted parameters. */
            steps: number;
            /**
             * @description One scale and shift for the batch, or one for each row.
             * @enum {string}
             */
            scope: "batch" | "sample";
            /**
             * @description BatchNorm mean and variance of the training run, of the batch, both, or what suits the batch.
             * @enum {string}
             */
            statistics: "source" | "batch" | "blend" | "auto";
            /** @description Under statistics blend and auto, the weight of the training run as a number of rows. */
            prior: number;
            /** @description Under statistics auto, the blend is taken if it makes the model less sure by at most this many nats. */
            margin: number;
            /** @description Under statistics auto, how many nats make a batch look shifted; below it the source is kept. */
            divergence: number | "off";
            /** @description Rows of a batch for which the limit of divergence is doubled, as few rows diverge by chance. */
            divergenceRows: number;
            /**
             * @description Mean row entropy, or that minus the entropy of the mean prediction.
             * @enum {string}
             */
            objective: "entropy" | "infomax";
            /**
             * @description How the gradient becomes an update.
             * @enum {string}
             */
            optimizer: "sgd" | "adam" | "adamod";
            /** @description Learning rate of scale and shift. */
            lr: number;
            /** @description Momentum of sgd; decay of the first moment of adam and adamod. */
            beta1: number;
            /** @description Decay of the second moment. */
            beta2: number;
            /** @description Decay of adamod's average of step sizes. */
            beta3: number;
            /** @description What the entropy sum is divided by; batch: the rows at hand. */
            rows: number | "batch";
            /** @description Initial standard deviation of the Gaussian input smoothing, in pixels. */
            sigma: number | "off";
            /** @description Learning rate of log sigma; 0 keeps sigma fixed. */
            sigmaLr: number;
            /** @description A row whose unadapted entropy is below this share of ln K is answered by the model as it is. */
            gate: number | "off";
            /** @description A row whose entropy has fallen below this share of ln K makes no further step. */
            floor: number | "off";
            /**
             * @description Whether scale and shift are adapted.
             * @enum {string}
             */
            affine: "on" | "off";
            /**
             * @description What a coupled recipe does with a batch too small for it.
             * @enum {string}
             */
            small: "isolated" | "static" | "adapt";
        };
        /** @description Description, input, labels and recipes are those of the version that serves by default; absent where no manifest could be read. */
        Model: {
            name: string;
            description?: string;
            /** @description Why the model's folder as it is now cannot be used; what served before goes on. */
            reason?: string;
            versions: components["schemas"]["ModelVersion"][];
            /** @description Serves where a request names none; absent while no version is ready. */
            defaultVersion?: number;
            /** @description How an image becomes a row: resized to width x height, then pixel p becomes (p * scale - mean) / std. */
            input?: components["schemas"]["ModelInput"];
            /** @description By class index. */
            labels?: string[];
            /** @description By name. */
            recipes?: {
                [key: string]: components["schemas"]["Recipe"];
            };
            /** @description Applied where a request names none. */
            defaultRecipe?: string;
        };
        OpenInferenceError: {
            /** @description What went wrong, one sentence for a person to read. */
            error: string;
        };
        InferRequest: {
            /** @description Comes back with the answer. */
            id?: string;
            parameters?: components["schemas"]["InferParameters"];
            inputs: components["schemas"]["InferInput"][];
            /** @description All outputs where it is absent. */
            outputs?: components["schemas"]["InferOutput"][];
        };
        InferResponse: {
            model_name: string;
            model_version: string;
            /** @description The id of the request, or a new one where it had none. */
            id: string;
            parameters: components["schemas"]["InferAdaptation"];
            outputs: components["schemas"]["Tensor"][];
        };
        ImageForm: {
            /** @description The image as a file, or the field several times for several images. Called "images", the answer is a list also for one. */
            image: Blob[];
            /** @description One of the model's recipes; its default where none is named. */
            recipe?: string;
            /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
            top_k?: number;
            /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
            trace?: boolean;
            /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
            timeout_ms?: number;
        };
        ModelList: {
            models: components["schemas"]["Model"][];
        };
        Live: {
            live: boolean;
        };
        NotLive: {
            live: boolean;
            reasons: string[];
        };
        Ready: {
            ready: boolean;
            /** @description Warnings for the operator, such as a model without a worker. */
            warnings?: string[];
        };
        NotReady: {
            ready: boolean;
            /** @description Why not, one sentence each. */
            reasons: string[];
        };
        PlaygroundState: {
            /** @description Whether `attack` answers with anything but 403. */
            attacks: boolean;
        };
        ServerMetadata: {
            name: string;
            version: string;
            /** @description What is implemented beyond the protocol itself. */
            extensions: string[];
        };
        ModelNames: {
            models: string[];
        };
        TensorMetadata: {
            name: string;
            datatype: string;
            /** @description -1 where a size varies. */
            shape: number[];
        };
        ModelMetadata: {
            name: string;
            /** @description The ready versions. */
            versions: string[];
            platform: string;
            inputs: components["schemas"]["TensorMetadata"][];
            outputs: components["schemas"]["TensorMetadata"][];
        };
        ModelReady: {
            name: string;
            ready: boolean;
        };
        Versions: {
            versions: number[];
        };
        VersionPolicy: {
            specific: components["schemas"]["Versions"];
        };
        ConfigTensor: {
            name: string;
            data_type: string;
            dims: number[];
        };
        QueuePolicy: {
            timeout_action: string;
            default_timeout_microseconds: number;
            allow_timeout_override: boolean;
            max_queue_size: number;
        };
        DynamicBatching: {
            preferred_batch_size: number[];
            max_queue_delay_microseconds: number;
            priority_levels: number;
            default_priority_level: number;
            default_queue_policy: components["schemas"]["QueuePolicy"];
        };
        TransactionPolicy: {
            decoupled: boolean;
        };
        ConfigParameter: {
            string_value: string;
        };
        ModelConfig: {
            name: string;
            platform: string;
            backend: string;
            version_policy: components["schemas"]["VersionPolicy"];
            max_batch_size: number;
            input: components["schemas"]["ConfigTensor"][];
            output: components["schemas"]["ConfigTensor"][];
            dynamic_batching: components["schemas"]["DynamicBatching"];
            model_transaction_policy: components["schemas"]["TransactionPolicy"];
            /** @description The recipes that requests may name, and the one that is applied where they name none. */
            parameters: {
                [key: string]: components["schemas"]["ConfigParameter"];
            };
        };
        StatisticDuration: {
            count: number;
            ns: number;
        };
        InferStatistics: {
            success: components["schemas"]["StatisticDuration"];
            fail: components["schemas"]["StatisticDuration"];
            queue: components["schemas"]["StatisticDuration"];
            compute_input: components["schemas"]["StatisticDuration"];
            compute_infer: components["schemas"]["StatisticDuration"];
            compute_output: components["schemas"]["StatisticDuration"];
            cache_hit: components["schemas"]["StatisticDuration"];
            cache_miss: components["schemas"]["StatisticDuration"];
        };
        BatchStatistics: {
            batch_size: number;
            compute_input: components["schemas"]["StatisticDuration"];
            compute_infer: components["schemas"]["StatisticDuration"];
            compute_output: components["schemas"]["StatisticDuration"];
        };
        VersionStatistics: {
            name: string;
            version: string;
            /** @description Milliseconds since the epoch; 0 for none. */
            last_inference: number;
            /** @description Rows. */
            inference_count: number;
            /** @description Batches. */
            execution_count: number;
            inference_stats: components["schemas"]["InferStatistics"];
            batch_stats: components["schemas"]["BatchStatistics"][];
        };
        ModelStatistics: {
            model_stats: components["schemas"]["VersionStatistics"][];
        };
        RepositoryEntry: {
            name: string;
            /** @description Absent where no version of the model was ever found. */
            version?: string;
            /** @enum {string} */
            state: "READY" | "LOADING" | "UNAVAILABLE";
            /** @description Why it is not ready, or not ready as its files are now; otherwise empty. */
            reason: string;
        };
        /** @enum {string} */
        ErrorCode: "invalid_image" | "invalid_request" | "unknown_recipe" | "unauthorized" | "forbidden" | "not_found" | "unknown_model" | "unknown_prediction" | "method_not_allowed" | "too_large" | "unsupported_media_type" | "queue_full" | "rate_limited" | "cancelled" | "internal" | "not_ready" | "draining" | "queue_unavailable" | "timeout";
        ServedBy: {
            name: string;
            version: number;
        };
        ClassProbability: {
            /** @description Index of the class in the model's labels. */
            class: number;
            label: string;
            probability: number;
        };
        Adaptation: {
            /** @description The recipe that was asked for, or the model's default. */
            recipe: string;
            /** @description The recipe that was applied: another one where the batch was too small for the first, and `static` or `blend` where all that the recipe does is to choose the statistics of each batch. */
            applied: string;
            /** @description Updates that the image made: fewer than the recipe has where it stopped by itself. */
            steps: number;
            /** @description Entropy of the prediction before the first update, in nats. Absent for keys that are told nothing of the model as it is. */
            entropy_before?: number;
            /** @description Entropy of the prediction after the last update, in nats. */
            entropy_after: number;
            /** @description Whether adaptation changed the top class. Absent for keys that are told nothing of the model as it is. */
            label_changed?: boolean;
        };
        Trace: {
            /** @description Entropy of the prediction before the first update and after each, in nats. Recipes that take the statistics of the batch, or smooth the image, differ from the model as it is before the first update already. */
            entropies: number[];
            /** @description The top class, and its probability, at each of the entropies. Absent where a worker of an earlier release answered. */
            top?: components["schemas"]["ClassProbability"][];
            /** @description The top classes of the model as it is, as many as were asked for. */
            static: components["schemas"]["ClassProbability"][];
        };
        Batch: {
            id: string;
            /** @description Images that were adapted and predicted together. */
            size: number;
        };
        Timing: {
            /** @description Decoding and resizing the image. */
            decode: number;
            /** @description Waiting for the batch to start. */
            queue: number;
            /** @description Adapting to the batch and predicting it. */
            adapt: number;
            /** @description From the accepted request to the answer. */
            total: number;
        };
        ReadInput: {
            name: string;
            /**
             * @description The order of axes in the model's file.
             * @enum {string}
             */
            layout: "NCHW" | "NHWC";
            /** @description Of the numbers in the model's file. */
            type: string;
            channels: number;
            height: number;
            width: number;
        };
        ReadOutput: {
            name: string;
            classes: number;
            /**
             * @description log-probabilities: the output gives probabilities, and their logarithms are the logits.
             * @enum {string}
             */
            takenAs: "logits" | "log-probabilities";
            /** @description The closing Softmax, or Sigmoid of two classes, that was taken off. */
            removed?: string;
            /** @description Outputs of the model that are not used. */
            leftOut: string[];
        };
        ReadLayers: {
            /** @enum {string} */
            kind: "batch" | "layer" | "group" | "instance" | "rms" | "convolution";
            adapted: number;
        };
        LayerLeftAlone: {
            layer: string;
            reason: string;
        };
        Reading: {
            /** @description With the sizes that the model was compiled for. */
            input: components["schemas"]["ReadInput"];
            output: components["schemas"]["ReadOutput"];
            /** @description How many layers of each kind have their scale and shift adapted. */
            layers: components["schemas"]["ReadLayers"][];
            /** @description Layers that are not adapted, and why. */
            leftAlone: components["schemas"]["LayerLeftAlone"][];
            /** @description What is likely not what the owner of the model wants, and how to do better. */
            warnings: string[];
        };
        ModelVersion: {
            version: number;
            /**
             * @description Requests for a version that is not ready are answered with 503; unloaded: somebody asked for that.
             * @enum {string}
             */
            state: "loading" | "ready" | "failed" | "unloaded";
            /** @description Why it failed, or what it waits for; of a version that is ready, why its files as they are now are not what serves. */
            reason?: string;
            /** @description Of the model file. */
            sha256?: string;
            /** @description What the model's file was taken for; absent where engines are elsewhere, whose log says it. */
            reading?: components["schemas"]["Reading"];
        };
        ModelInput: {
            width: number;
            height: number;
            /** @enum {string} */
            channels: "rgb" | "bgr" | "gray";
            scale: number;
            /** @description One value for each channel. */
            mean: number[];
            /** @description One value for each channel. */
            std: number[];
            /**
             * @description cover resizes and crops to the centre, contain pads with black, fill stretches.
             * @enum {string}
             */
            fit: "cover" | "contain" | "fill";
        };
        InferParameters: {
            /** @description One of the model's recipes; its default where none is named. */
            recipe?: string;
            /** @description 1 goes first, then 2 and 3; 0 is the default, 2. */
            priority?: number;
            /** @description Microseconds after which the answer is of no use; 0 is the default, and the longest, that the model allows. */
            timeout?: number;
            /** @description Whether outputs without a `binary_data` of their own come as bytes. */
            binary_data_output?: boolean;
        } & {
            [key: string]: string | number | boolean;
        };
        InferInputParameters: {
            /** @description Bytes of this tensor behind the JSON, which then has no `data`. */
            binary_data_size?: number;
        } & {
            [key: string]: string | number | boolean;
        };
        InferInput: {
            name: string;
            shape: number[];
            /**
             * @description Such as FP32 or UINT8.
             * @example FP32
             */
            datatype: string;
            parameters?: components["schemas"]["InferInputParameters"];
            /** @description Numbers in row-major order, in one flat array, or in arrays nested as the shape says. */
            data?: unknown;
        };
        InferOutputParameters: {
            /** @description Whether the tensor comes in bytes behind the JSON. */
            binary_data?: boolean;
            /** @description The top so many classes as text, `value:index:label`, instead of numbers; 0 for the numbers. */
            classification?: number;
        } & {
            [key: string]: string | number | boolean;
        };
        InferOutput: {
            name: string;
            parameters?: components["schemas"]["InferOutputParameters"];
        };
        InferAdaptation: {
            /** @description The recipe that was asked for. */
            recipe: string;
            /** @description The recipe that was applied: another one where a batch was too small. Where rows differ, all, with commas between. */
            applied: string;
            /** @description The most updates that a row had. */
            steps: number;
            /** @description Mean over the rows, of the model as it is, in nats. Absent for keys that are told nothing of that. */
            entropy_before?: number | null;
            /** @description Mean over the rows, after the last update, in nats. */
            entropy_after: number;
            /** @description Rows whose top class adaptation changed. Absent for keys that are told nothing of the model as it is. */
            label_changes?: number;
            /** @description All of them, separated by commas, where the rows were in several batches. */
            batch_id: string;
            /** @description Rows of the batch, of the smallest where there were several. */
            batch_size: number;
            /** @description Wait of the row that waited longest. */
            queue_ms: number;
            /** @description Time of the batch that ran longest. */
            adapt_ms: number;
        };
        TensorParameters: {
            /** @description Bytes of this tensor behind the JSON, which then has no `data`. */
            binary_data_size: number;
        };
        Tensor: {
            name: string;
            datatype: string;
            shape: number[];
            parameters?: components["schemas"]["TensorParameters"];
            /** @description In row-major order. JSON has no NaN and no infinities; null stands for them. */
            data?: (number | string | null)[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    predict: {
        parameters: {
            query?: {
                /** @description One of the model's recipes; its default where none is named. */
                recipe?: string;
                /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
                top_k?: number;
                /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
                trace?: boolean;
                /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
                timeout_ms?: number;
            };
            header?: {
                /** @description `respond-async` (RFC 7240): the answer is 202 as soon as the image waits, and the prediction is told at `Location`. */
                prefer?: string;
                /** @description A name of your own for this request. Sent again while its answer is kept, it gets the first answer and is not run again, unless the first failed. The same key with another image, model, recipe, top_k or trace is refused with invalid_request. */
                "idempotency-key"?: string;
                /** @description 1 goes before 2, the default, and 2 before 3; no image waits for ever. */
                "dent-priority"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "multipart/form-data": components["schemas"]["ImageForm"];
                "application/json": components["schemas"]["ImageRequest"] | components["schemas"]["ImagesRequest"];
            };
        };
        responses: {
            /** @description The prediction; or those of several images. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prediction"] | components["schemas"]["PredictionResults"];
                };
            };
            /** @description Accepted, as `Prefer: respond-async` asked for. */
            202: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Where to fetch the prediction, such as /v1/predictions/5f2b7a44. */
                    Location?: string;
                    "Preference-Applied"?: "respond-async";
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e",
                     *       "status": "pending"
                     *     }
                     */
                    "application/json": components["schemas"]["AcceptedPrediction"];
                };
            };
            /** @description invalid_image: the image is none, or broken. invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    predictWithModel: {
        parameters: {
            query?: {
                /** @description One of the model's recipes; its default where none is named. */
                recipe?: string;
                /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
                top_k?: number;
                /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
                trace?: boolean;
                /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
                timeout_ms?: number;
            };
            header?: {
                /** @description `respond-async` (RFC 7240): the answer is 202 as soon as the image waits, and the prediction is told at `Location`. */
                prefer?: string;
                /** @description A name of your own for this request. Sent again while its answer is kept, it gets the first answer and is not run again, unless the first failed. The same key with another image, model, recipe, top_k or trace is refused with invalid_request. */
                "idempotency-key"?: string;
                /** @description 1 goes before 2, the default, and 2 before 3; no image waits for ever. */
                "dent-priority"?: number;
            };
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "multipart/form-data": components["schemas"]["ImageForm"];
                "application/json": components["schemas"]["ImageRequest"] | components["schemas"]["ImagesRequest"];
            };
        };
        responses: {
            /** @description The prediction; or those of several images. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prediction"] | components["schemas"]["PredictionResults"];
                };
            };
            /** @description Accepted, as `Prefer: respond-async` asked for. */
            202: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Where to fetch the prediction, such as /v1/predictions/5f2b7a44. */
                    Location?: string;
                    "Preference-Applied"?: "respond-async";
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e",
                     *       "status": "pending"
                     *     }
                     */
                    "application/json": components["schemas"]["AcceptedPrediction"];
                };
            };
            /** @description invalid_image: the image is none, or broken. invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    predictWithVersion: {
        parameters: {
            query?: {
                /** @description One of the model's recipes; its default where none is named. */
                recipe?: string;
                /** @description How many classes to return, at most as many as the model has; 5 where it is not given. */
                top_k?: number;
                /** @description Whether the answer tells how the adaptation went, as `trace`; not where it is not given, nor to keys that are told nothing of the model as it is. */
                trace?: boolean;
                /** @description Milliseconds after which the answer is of no use. The default is what the model allows, and more is taken for that. */
                timeout_ms?: number;
            };
            header?: {
                /** @description `respond-async` (RFC 7240): the answer is 202 as soon as the image waits, and the prediction is told at `Location`. */
                prefer?: string;
                /** @description A name of your own for this request. Sent again while its answer is kept, it gets the first answer and is not run again, unless the first failed. The same key with another image, model, recipe, top_k or trace is refused with invalid_request. */
                "idempotency-key"?: string;
                /** @description 1 goes before 2, the default, and 2 before 3; no image waits for ever. */
                "dent-priority"?: number;
            };
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                name: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
                "multipart/form-data": components["schemas"]["ImageForm"];
                "application/json": components["schemas"]["ImageRequest"] | components["schemas"]["ImagesRequest"];
            };
        };
        responses: {
            /** @description The prediction; or those of several images. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Prediction"] | components["schemas"]["PredictionResults"];
                };
            };
            /** @description Accepted, as `Prefer: respond-async` asked for. */
            202: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Where to fetch the prediction, such as /v1/predictions/5f2b7a44. */
                    Location?: string;
                    "Preference-Applied"?: "respond-async";
                    /** @description Sent where the answer is that of an earlier request with the same Idempotency-Key. */
                    "Idempotent-Replayed"?: "true";
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e",
                     *       "status": "pending"
                     *     }
                     */
                    "application/json": components["schemas"]["AcceptedPrediction"];
                };
            };
            /** @description invalid_image: the image is none, or broken. invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPrediction: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Names a prediction.
                 * @example 5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The prediction. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e",
                     *       "model": {
                     *         "name": "cifar10-resnet14",
                     *         "version": 1
                     *       },
                     *       "predictions": [
                     *         {
                     *           "class": 3,
                     *           "label": "cat",
                     *           "probability": 0.91
                     *         },
                     *         {
                     *           "class": 5,
                     *           "label": "dog",
                     *           "probability": 0.06
                     *         }
                     *       ],
                     *       "static": {
                     *         "class": 5,
                     *         "label": "dog",
                     *         "probability": 0.51
                     *       },
                     *       "adaptation": {
                     *         "recipe": "brief",
                     *         "applied": "brief",
                     *         "steps": 2,
                     *         "entropy_before": 1.21,
                     *         "entropy_after": 0.31,
                     *         "label_changed": true
                     *       },
                     *       "batch": {
                     *         "id": "b1c0f0a2-6a1f-4f0e-8f5d-3f6f4e0d2c11",
                     *         "size": 87
                     *       },
                     *       "timing_ms": {
                     *         "decode": 0.4,
                     *         "queue": 12.1,
                     *         "adapt": 830.2,
                     *         "total": 843.9
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Prediction"];
                };
            };
            /** @description It waits or runs; ask again. */
            202: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5f2b7a44-5f0e-4c55-9a44-0d6f5a1c9f0e",
                     *       "status": "pending"
                     *     }
                     */
                    "application/json": components["schemas"]["AcceptedPrediction"];
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_prediction: there is no such prediction, or no more. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listModels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The models. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "models": [
                     *         {
                     *           "name": "cifar10-resnet14",
                     *           "description": "ResNet-14 for the ten classes of CIFAR-10.",
                     *           "versions": [
                     *             {
                     *               "version": 1,
                     *               "state": "ready",
                     *               "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *               "reading": {
                     *                 "input": {
                     *                   "name": "input",
                     *                   "layout": "NCHW",
                     *                   "type": "float32",
                     *                   "channels": 3,
                     *                   "height": 32,
                     *                   "width": 32
                     *                 },
                     *                 "output": {
                     *                   "name": "logits",
                     *                   "classes": 10,
                     *                   "takenAs": "logits",
                     *                   "leftOut": []
                     *                 },
                     *                 "layers": [
                     *                   {
                     *                     "kind": "batch",
                     *                     "adapted": 16
                     *                   }
                     *                 ],
                     *                 "leftAlone": [],
                     *                 "warnings": []
                     *               }
                     *             }
                     *           ],
                     *           "defaultVersion": 1,
                     *           "input": {
                     *             "width": 32,
                     *             "height": 32,
                     *             "channels": "rgb",
                     *             "scale": 0.00392156862745098,
                     *             "mean": [
                     *               0,
                     *               0,
                     *               0
                     *             ],
                     *             "std": [
                     *               1,
                     *               1,
                     *               1
                     *             ],
                     *             "fit": "cover"
                     *           },
                     *           "labels": [
                     *             "airplane",
                     *             "automobile",
                     *             "bird",
                     *             "cat",
                     *             "deer",
                     *             "dog",
                     *             "frog",
                     *             "horse",
                     *             "ship",
                     *             "truck"
                     *           ],
                     *           "recipes": {
                     *             "brief": {
                     *               "steps": 6,
                     *               "scope": "sample",
                     *               "statistics": "source",
                     *               "prior": 16,
                     *               "margin": 0,
                     *               "divergence": "off",
                     *               "divergenceRows": 20,
                     *               "objective": "entropy",
                     *               "optimizer": "adamod",
                     *               "lr": 0.006,
                     *               "beta1": 0.99,
                     *               "beta2": 0.999,
                     *               "beta3": 0.6,
                     *               "rows": 128,
                     *               "sigma": "off",
                     *               "sigmaLr": 0.25,
                     *               "gate": 0.4,
                     *               "floor": 0.2,
                     *               "affine": "on",
                     *               "small": "isolated"
                     *             },
                     *             "isolated": {
                     *               "steps": 6,
                     *               "scope": "sample",
                     *               "statistics": "source",
                     *               "prior": 16,
                     *               "margin": 0,
                     *               "divergence": "off",
                     *               "divergenceRows": 20,
                     *               "objective": "entropy",
                     *               "optimizer": "adamod",
                     *               "lr": 0.006,
                     *               "beta1": 0.99,
                     *               "beta2": 0.999,
                     *               "beta3": 0.6,
                     *               "rows": 128,
                     *               "sigma": "off",
                     *               "sigmaLr": 0.25,
                     *               "gate": "off",
                     *               "floor": "off",
                     *               "affine": "on",
                     *               "small": "isolated"
                     *             }
                     *           },
                     *           "defaultRecipe": "brief"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelList"];
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The model. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "description": "ResNet-14 for the ten classes of CIFAR-10.",
                     *       "versions": [
                     *         {
                     *           "version": 1,
                     *           "state": "ready",
                     *           "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *           "reading": {
                     *             "input": {
                     *               "name": "input",
                     *               "layout": "NCHW",
                     *               "type": "float32",
                     *               "channels": 3,
                     *               "height": 32,
                     *               "width": 32
                     *             },
                     *             "output": {
                     *               "name": "logits",
                     *               "classes": 10,
                     *               "takenAs": "logits",
                     *               "leftOut": []
                     *             },
                     *             "layers": [
                     *               {
                     *                 "kind": "batch",
                     *                 "adapted": 16
                     *               }
                     *             ],
                     *             "leftAlone": [],
                     *             "warnings": []
                     *           }
                     *         }
                     *       ],
                     *       "defaultVersion": 1,
                     *       "input": {
                     *         "width": 32,
                     *         "height": 32,
                     *         "channels": "rgb",
                     *         "scale": 0.00392156862745098,
                     *         "mean": [
                     *           0,
                     *           0,
                     *           0
                     *         ],
                     *         "std": [
                     *           1,
                     *           1,
                     *           1
                     *         ],
                     *         "fit": "cover"
                     *       },
                     *       "labels": [
                     *         "airplane",
                     *         "automobile",
                     *         "bird",
                     *         "cat",
                     *         "deer",
                     *         "dog",
                     *         "frog",
                     *         "horse",
                     *         "ship",
                     *         "truck"
                     *       ],
                     *       "recipes": {
                     *         "brief": {
                     *           "steps": 6,
                     *           "scope": "sample",
                     *           "statistics": "source",
                     *           "prior": 16,
                     *           "margin": 0,
                     *           "divergence": "off",
                     *           "divergenceRows": 20,
                     *           "objective": "entropy",
                     *           "optimizer": "adamod",
                     *           "lr": 0.006,
                     *           "beta1": 0.99,
                     *           "beta2": 0.999,
                     *           "beta3": 0.6,
                     *           "rows": 128,
                     *           "sigma": "off",
                     *           "sigmaLr": 0.25,
                     *           "gate": 0.4,
                     *           "floor": 0.2,
                     *           "affine": "on",
                     *           "small": "isolated"
                     *         },
                     *         "isolated": {
                     *           "steps": 6,
                     *           "scope": "sample",
                     *           "statistics": "source",
                     *           "prior": 16,
                     *           "margin": 0,
                     *           "divergence": "off",
                     *           "divergenceRows": 20,
                     *           "objective": "entropy",
                     *           "optimizer": "adamod",
                     *           "lr": 0.006,
                     *           "beta1": 0.99,
                     *           "beta2": 0.999,
                     *           "beta3": 0.6,
                     *           "rows": 128,
                     *           "sigma": "off",
                     *           "sigmaLr": 0.25,
                     *           "gate": "off",
                     *           "floor": "off",
                     *           "affine": "on",
                     *           "small": "isolated"
                     *         }
                     *       },
                     *       "defaultRecipe": "brief"
                     *     }
                     */
                    "application/json": components["schemas"]["Model"];
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "live": true
                     *     }
                     */
                    "application/json": components["schemas"]["Live"];
                };
            };
            /** @description It hangs. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "live": false,
                     *       "reasons": [
                     *         "The first process of the server has been silent for 10 seconds."
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["NotLive"];
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They should. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ready": true
                     *     }
                     */
                    "application/json": components["schemas"]["Ready"];
                };
            };
            /** @description They should not. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ready": false,
                     *       "reasons": [
                     *         "Version 1 of the model \"cifar10-resnet14\" is loading."
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["NotReady"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document, as application/yaml. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getPlayground: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether they are. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attacks": false
                     *     }
                     */
                    "application/json": components["schemas"]["PlaygroundState"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    attackPicture: {
        parameters: {
            query?: {
                /** @description The largest change of a pixel's value, of 255; 8 where it is not given. With 0 nothing is searched: the answer is the picture as the model sees it. */
                eps?: number;
                /** @description Steps of the search, each of which costs a gradient; 20 where it is not given. */
                iterations?: number;
                /** @description One of the model's recipes. The attacker then sees the model as this recipe adapts it to the picture, and holds that fixed while it searches. Where none is named it sees the model as it is. */
                recipe?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": Blob;
            };
        };
        responses: {
            /** @description The attacked picture. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "image/png": Blob;
                };
            };
            /** @description invalid_image: the image is none, or broken. invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    serverMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The server. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "dent-serve",
                     *       "version": "0.1.0",
                     *       "extensions": [
                     *         "binary_tensor_data",
                     *         "classification",
                     *         "parameters",
                     *         "schedule_policy",
                     *         "model_configuration",
                     *         "statistics",
                     *         "model_repository"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ServerMetadata"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    modelNames: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The names. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "models": [
                     *         "cifar10-resnet14"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelNames"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    modelMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The model. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "versions": [
                     *         "1"
                     *       ],
                     *       "platform": "onnxruntime_onnx",
                     *       "inputs": [
                     *         {
                     *           "name": "input",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             3,
                     *             32,
                     *             32
                     *           ]
                     *         }
                     *       ],
                     *       "outputs": [
                     *         {
                     *           "name": "logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "static_logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "entropy",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             -1
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    versionMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The model. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "versions": [
                     *         "1"
                     *       ],
                     *       "platform": "onnxruntime_onnx",
                     *       "inputs": [
                     *         {
                     *           "name": "input",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             3,
                     *             32,
                     *             32
                     *           ]
                     *         }
                     *       ],
                     *       "outputs": [
                     *         {
                     *           "name": "logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "static_logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "entropy",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             -1,
                     *             -1
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    modelReady: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "ready": true
                     *     }
                     */
                    "application/json": components["schemas"]["ModelReady"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    versionReady: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "ready": true
                     *     }
                     */
                    "application/json": components["schemas"]["ModelReady"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    modelConfig: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The configuration. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "platform": "onnxruntime_onnx",
                     *       "backend": "onnxruntime",
                     *       "version_policy": {
                     *         "specific": {
                     *           "versions": [
                     *             1
                     *           ]
                     *         }
                     *       },
                     *       "max_batch_size": 128,
                     *       "input": [
                     *         {
                     *           "name": "input",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             3,
                     *             32,
                     *             32
                     *           ]
                     *         }
                     *       ],
                     *       "output": [
                     *         {
                     *           "name": "logits",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "static_logits",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "entropy",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             -1
                     *           ]
                     *         }
                     *       ],
                     *       "dynamic_batching": {
                     *         "preferred_batch_size": [
                     *           128
                     *         ],
                     *         "max_queue_delay_microseconds": 20000,
                     *         "priority_levels": 3,
                     *         "default_priority_level": 2,
                     *         "default_queue_policy": {
                     *           "timeout_action": "REJECT",
                     *           "default_timeout_microseconds": 30000000,
                     *           "allow_timeout_override": true,
                     *           "max_queue_size": 1024
                     *         }
                     *       },
                     *       "model_transaction_policy": {
                     *         "decoupled": false
                     *       },
                     *       "parameters": {
                     *         "default_recipe": {
                     *           "string_value": "brief"
                     *         },
                     *         "recipes": {
                     *           "string_value": "brief,isolated,static"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ModelConfig"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    versionConfig: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The configuration. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "cifar10-resnet14",
                     *       "platform": "onnxruntime_onnx",
                     *       "backend": "onnxruntime",
                     *       "version_policy": {
                     *         "specific": {
                     *           "versions": [
                     *             1
                     *           ]
                     *         }
                     *       },
                     *       "max_batch_size": 128,
                     *       "input": [
                     *         {
                     *           "name": "input",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             3,
                     *             32,
                     *             32
                     *           ]
                     *         }
                     *       ],
                     *       "output": [
                     *         {
                     *           "name": "logits",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "static_logits",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             10
                     *           ]
                     *         },
                     *         {
                     *           "name": "entropy",
                     *           "data_type": "TYPE_FP32",
                     *           "dims": [
                     *             -1
                     *           ]
                     *         }
                     *       ],
                     *       "dynamic_batching": {
                     *         "preferred_batch_size": [
                     *           128
                     *         ],
                     *         "max_queue_delay_microseconds": 20000,
                     *         "priority_levels": 3,
                     *         "default_priority_level": 2,
                     *         "default_queue_policy": {
                     *           "timeout_action": "REJECT",
                     *           "default_timeout_microseconds": 30000000,
                     *           "allow_timeout_override": true,
                     *           "max_queue_size": 1024
                     *         }
                     *       },
                     *       "model_transaction_policy": {
                     *         "decoupled": false
                     *       },
                     *       "parameters": {
                     *         "default_recipe": {
                     *           "string_value": "brief"
                     *         },
                     *         "recipes": {
                     *           "string_value": "brief,isolated,static"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ModelConfig"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    statistics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statistics. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "model_stats": [
                     *         {
                     *           "name": "cifar10-resnet14",
                     *           "version": "1",
                     *           "last_inference": 1796000000000,
                     *           "inference_count": 174,
                     *           "execution_count": 2,
                     *           "inference_stats": {
                     *             "success": {
                     *               "count": 3,
                     *               "ns": 2544000000
                     *             },
                     *             "fail": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "queue": {
                     *               "count": 3,
                     *               "ns": 36000000
                     *             },
                     *             "compute_input": {
                     *               "count": 3,
                     *               "ns": 1200000
                     *             },
                     *             "compute_infer": {
                     *               "count": 3,
                     *               "ns": 2490600000
                     *             },
                     *             "compute_output": {
                     *               "count": 3,
                     *               "ns": 900000
                     *             },
                     *             "cache_hit": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "cache_miss": {
                     *               "count": 0,
                     *               "ns": 0
                     *             }
                     *           },
                     *           "batch_stats": [
                     *             {
                     *               "batch_size": 87,
                     *               "compute_input": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               },
                     *               "compute_infer": {
                     *                 "count": 2,
                     *                 "ns": 1660400000
                     *               },
                     *               "compute_output": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               }
                     *             }
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelStatistics"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    modelStatistics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statistics. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "model_stats": [
                     *         {
                     *           "name": "cifar10-resnet14",
                     *           "version": "1",
                     *           "last_inference": 1796000000000,
                     *           "inference_count": 174,
                     *           "execution_count": 2,
                     *           "inference_stats": {
                     *             "success": {
                     *               "count": 3,
                     *               "ns": 2544000000
                     *             },
                     *             "fail": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "queue": {
                     *               "count": 3,
                     *               "ns": 36000000
                     *             },
                     *             "compute_input": {
                     *               "count": 3,
                     *               "ns": 1200000
                     *             },
                     *             "compute_infer": {
                     *               "count": 3,
                     *               "ns": 2490600000
                     *             },
                     *             "compute_output": {
                     *               "count": 3,
                     *               "ns": 900000
                     *             },
                     *             "cache_hit": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "cache_miss": {
                     *               "count": 0,
                     *               "ns": 0
                     *             }
                     *           },
                     *           "batch_stats": [
                     *             {
                     *               "batch_size": 87,
                     *               "compute_input": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               },
                     *               "compute_infer": {
                     *                 "count": 2,
                     *                 "ns": 1660400000
                     *               },
                     *               "compute_output": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               }
                     *             }
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelStatistics"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    versionStatistics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statistics. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "model_stats": [
                     *         {
                     *           "name": "cifar10-resnet14",
                     *           "version": "1",
                     *           "last_inference": 1796000000000,
                     *           "inference_count": 174,
                     *           "execution_count": 2,
                     *           "inference_stats": {
                     *             "success": {
                     *               "count": 3,
                     *               "ns": 2544000000
                     *             },
                     *             "fail": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "queue": {
                     *               "count": 3,
                     *               "ns": 36000000
                     *             },
                     *             "compute_input": {
                     *               "count": 3,
                     *               "ns": 1200000
                     *             },
                     *             "compute_infer": {
                     *               "count": 3,
                     *               "ns": 2490600000
                     *             },
                     *             "compute_output": {
                     *               "count": 3,
                     *               "ns": 900000
                     *             },
                     *             "cache_hit": {
                     *               "count": 0,
                     *               "ns": 0
                     *             },
                     *             "cache_miss": {
                     *               "count": 0,
                     *               "ns": 0
                     *             }
                     *           },
                     *           "batch_stats": [
                     *             {
                     *               "batch_size": 87,
                     *               "compute_input": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               },
                     *               "compute_infer": {
                     *                 "count": 2,
                     *                 "ns": 1660400000
                     *               },
                     *               "compute_output": {
                     *                 "count": 0,
                     *                 "ns": 0
                     *               }
                     *             }
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ModelStatistics"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    infer: {
        parameters: {
            query?: never;
            header?: {
                /** @description Length of the JSON in bytes, where binary tensors follow it. */
                "inference-header-content-length"?: number;
                "content-encoding"?: "gzip" | "deflate" | "br";
            };
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InferRequest"];
                "application/octet-stream": Blob;
            };
        };
        responses: {
            /** @description The prediction. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Length of the JSON in bytes, where binary tensors follow it. */
                    "Inference-Header-Content-Length"?: number;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "model_name": "colours",
                     *       "model_version": "1",
                     *       "id": "frame-7",
                     *       "parameters": {
                     *         "recipe": "isolated",
                     *         "applied": "isolated",
                     *         "steps": 6,
                     *         "entropy_before": 1.02,
                     *         "entropy_after": 0.37,
                     *         "label_changes": 0,
                     *         "batch_id": "b1c0f0a2-6a1f-4f0e-8f5d-3f6f4e0d2c11",
                     *         "batch_size": 87,
                     *         "queue_ms": 12.1,
                     *         "adapt_ms": 830.2
                     *       },
                     *       "outputs": [
                     *         {
                     *           "name": "logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             1,
                     *             3
                     *           ],
                     *           "data": [
                     *             -1.5,
                     *             0.25,
                     *             3
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["InferResponse"];
                    "application/octet-stream": Blob;
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    inferWithVersion: {
        parameters: {
            query?: never;
            header?: {
                /** @description Length of the JSON in bytes, where binary tensors follow it. */
                "inference-header-content-length"?: number;
                "content-encoding"?: "gzip" | "deflate" | "br";
            };
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
                /**
                 * @description Version of the model.
                 * @example 1
                 */
                version: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InferRequest"];
                "application/octet-stream": Blob;
            };
        };
        responses: {
            /** @description The prediction. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Length of the JSON in bytes, where binary tensors follow it. */
                    "Inference-Header-Content-Length"?: number;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "model_name": "colours",
                     *       "model_version": "1",
                     *       "id": "frame-7",
                     *       "parameters": {
                     *         "recipe": "isolated",
                     *         "applied": "isolated",
                     *         "steps": 6,
                     *         "entropy_before": 1.02,
                     *         "entropy_after": 0.37,
                     *         "label_changes": 0,
                     *         "batch_id": "b1c0f0a2-6a1f-4f0e-8f5d-3f6f4e0d2c11",
                     *         "batch_size": 87,
                     *         "queue_ms": 12.1,
                     *         "adapt_ms": 830.2
                     *       },
                     *       "outputs": [
                     *         {
                     *           "name": "logits",
                     *           "datatype": "FP32",
                     *           "shape": [
                     *             1,
                     *             3
                     *           ],
                     *           "data": [
                     *             -1.5,
                     *             0.25,
                     *             3
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["InferResponse"];
                    "application/octet-stream": Blob;
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. unknown_recipe: the model has no such recipe. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description too_large: the body has too many bytes, or the image too many pixels. */
            413: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. queue_full: too many images wait already. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description not_ready: the model is loading. draining: the service is shutting down. queue_unavailable: the workers cannot be reached. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description timeout: the deadline passed. */
            504: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    repositoryIndex: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The versions. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "name": "cifar10-resnet14",
                     *         "version": "1",
                     *         "state": "READY",
                     *         "reason": ""
                     *       },
                     *       {
                     *         "name": "cifar10-resnet14",
                     *         "version": "2",
                     *         "state": "UNAVAILABLE",
                     *         "reason": "models/cifar10-resnet14/2/model.onnx: the model is missing."
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["RepositoryEntry"][];
                };
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    loadModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is served. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description draining: the service is shutting down. not_ready: the model is loading. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
    unloadModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Name of a model.
                 * @example cifar10-resnet14
                 */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is not served any more. */
            200: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description invalid_request: a parameter or the body is wrong. */
            400: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unauthorized: keys are configured, and the request has none that is known. */
            401: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Asks for a bearer token, which is a key. */
                    "WWW-Authenticate"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description forbidden: the key is not for this. */
            403: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unknown_model: there is no such model or version. */
            404: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description unsupported_media_type: the body is no image, no form and no JSON, or compressed in an unknown way. */
            415: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description rate_limited: the key has asked for too much, or the service is sent too much at a time. */
            429: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description internal: something went wrong inside. */
            500: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
            /** @description draining: the service is shutting down. */
            503: {
                headers: {
                    /** @description Names the request in the log too; your own X-Request-Id if you sent one. */
                    "X-Request-Id"?: string;
                    /** @description Seconds after which a retry makes sense. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInferenceError"];
                };
            };
        };
    };
}
